import { expect, test } from 'bun:test'
import { alignTabs, renderTable } from '#cli/format/table.ts'

test('columns are at least 12 wide, 2 apart, and the last one is not padded', () => {
  const rows = [
    { id: '176e62712cdc', name: 'web' },
    { id: 'a-much-longer-thing', name: 'x' },
  ]
  expect(
    renderTable(rows, [
      { title: 'ID', cell: row => row.id },
      { title: 'A', cell: () => '1' },
      { title: 'NAMES', cell: row => row.name },
    ]),
  ).toBe(
    'ID                   A           NAMES\n176e62712cdc         1           web\na-much-longer-thing  1           x\n',
  )
})

test('a table without rows is its headings, or nothing', () => {
  expect(renderTable([], [{ title: 'NAME', cell: () => '' }])).toBe('NAME\n')
  expect(renderTable([], [{ title: 'NAME', cell: () => '' }], false)).toBe('')
})

test('a column ends where a line does not have it', () => {
  expect(alignTabs('a-cell-of-eighteen\tb\nno cells\nc\td')).toBe('a-cell-of-eighteen  b\nno cells\nc           d')
})

test('letters count, not bytes', () => {
  expect(alignTabs('ééééééééééééé\tx\na\ty')).toBe('ééééééééééééé  x\na              y')
})

test('what a name contains cannot tear the table or reach the terminal', () => {
  expect(renderTable([''], [{ title: 'A', cell: () => 'a\nb\tc\x1b[2J' }])).toBe('A\na b c[2J\n')
})
