// Columns: text with tabs to text with spaces, as Go's tabwriter lays it out for Podman (cells at least 12 wide, 2
// spaces between). Pure.

const minimumWidth = 12
const gutter = 2

/** Aligns cells that end with a tab. A column is as wide as its widest cell in consecutive lines that have it. */
export function alignTabs(text: string): string {
  const lines = text.split('\n').map(line => line.split('\t'))
  const widths = lines.map(cells => Array.from({ length: cells.length - 1 }, () => 0))
  const deepest = Math.max(...widths.map(row => row.length))
  for (let column = 0; column < deepest; column++) {
    for (let from = 0; from < lines.length; from++) {
      if ((widths[from]?.length ?? 0) <= column) continue
      let to = from
      let width = minimumWidth
      while (to < lines.length && (widths[to]?.length ?? 0) > column) {
        width = Math.max(width, displayWidth(lines[to]?.[column] ?? '') + gutter)
        to++
      }
      for (; from < to; from++) (widths[from] ?? [])[column] = width
    }
  }
  return lines.map((cells, row) => cells.map((cell, column) => pad(cell, widths[row]?.[column])).join('')).join('\n')
}

export interface Column<Row> {
  title: string
  cell: (row: Row) => string
}

/** A table with an upper-case heading line; each line ends with a newline. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], heading = true): string {
  const body = rows.map(row => columns.map(column => oneLine(column.cell(row))).join('\t'))
  const lines = heading ? [columns.map(column => column.title).join('\t'), ...body] : body
  return lines.length === 0 ? '' : `${alignTabs(lines.join('\n'))}\n`
}

/** Only what a terminal shows: a name with a newline or an escape in it must not tear the table. */
function oneLine(cell: string): string {
  // oxlint-disable-next-line no-control-regex
  return cell.replace(/[\x00-\x1f\x7f]/g, c => (c === '\n' || c === '\t' ? ' ' : ''))
}

function pad(cell: string, width: number | undefined): string {
  return width === undefined ? cell : cell + ' '.repeat(Math.max(0, width - displayWidth(cell)))
}

function displayWidth(text: string): number {
  let width = 0
  for (const _ of text) width++
  return width
}
