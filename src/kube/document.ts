// Files of Kubernetes objects as documents: YAML to values that remember where they stand. Pure but for loading the parser.
import { TspodError } from '#errors.ts'
import { KubeField } from './field.ts'

/** One object of a file. */
export interface KubeDocument {
  kind: string
  field: KubeField
}

/** The most that is read: far above any file people write. */
const MOST_BYTES = 16 * 1024 * 1024

/** Resolved by YAML 1.1 to what Kubernetes takes as text, or not at all. */
const unwantedTags = new Set([
  'tag:yaml.org,2002:timestamp',
  'tag:yaml.org,2002:binary',
  'tag:yaml.org,2002:omap',
  'tag:yaml.org,2002:pairs',
  'tag:yaml.org,2002:set',
])

/**
 * The objects of a text in their order, empty documents left out; `name` is how messages call the file. Numbers are those of YAML 1.1, as
 * Kubernetes reads them: `0644` is octal. Throws INVALID naming document and line.
 */
export async function parseDocuments(text: string, name: string): Promise<KubeDocument[]> {
  if (Buffer.byteLength(text) > MOST_BYTES)
    throw new TspodError('INVALID', `reading "${name}": it has more than ${MOST_BYTES / 1024 / 1024} MiB`)
  const { LineCounter, parseAllDocuments } = await import('yaml')
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    // sexagesimal numbers too: `1:30` is a text
    customTags: tags =>
      tags.filter(
        tag => typeof tag === 'string' || (!unwantedTags.has(tag.tag) && !('format' in tag && tag.format === 'TIME')),
      ),
  })
  if (!Array.isArray(parsed)) return []
  return parsed.flatMap((document, index) => {
    const at = (position: number): string => `"${name}": document ${index + 1}, line ${lines.linePos(position).line}`
    const [problem] = document.errors
    if (problem !== undefined) throw new TspodError('INVALID', `reading ${at(problem.pos[0])}: ${problem.message}`)
    const value = toValue(() => document.toJS({ maxAliasCount: 100 }), at(document.range?.[0] ?? 0))
    if (value === null || value === undefined) return []
    const field = new KubeField(value, [], path => {
      // a field that is not there is looked for where it would be
      for (let length = path.length; length > 0; length--) {
        const node: unknown = document.getIn(path.slice(0, length), true)
        const position = positionOf(node)
        if (position !== undefined) return at(position)
      }
      return at(positionOf(document.contents) ?? document.range?.[0] ?? 0)
    })
    field.requireObject()
    return [{ kind: field.neededText('kind'), field }]
  })
}

function toValue(convert: () => unknown, where: string): unknown {
  try {
    return convert()
  } catch (error) {
    throw new TspodError('INVALID', `reading ${where}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function positionOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined
  return (node.range as [number] | null | undefined)?.[0]
}
