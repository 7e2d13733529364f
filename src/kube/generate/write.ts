// Objects of Kubernetes as the text of a file. Pure but for loading the writer.
import type { KubeObject } from './container.ts'

/** Documents in order, under a comment. Texts that a reader would take for something else are quoted. */
export async function writeDocuments(objects: readonly KubeObject[], comment: readonly string[]): Promise<string> {
  const { stringify } = await import('yaml')
  const texts = objects.map(object =>
    stringify(plain(object), { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }),
  )
  return `${comment.map(line => `# ${line}`.trimEnd()).join('\n')}\n${texts.join('---\n')}`
}

/** Without fields that are not there. */
function plain(object: KubeObject): unknown {
  return JSON.parse(JSON.stringify(object))
}
