// Files of Kubernetes objects, read from disk or standard input.
import { readFileSync } from 'node:fs'
import { during, TspodError } from '#errors.ts'
import { type KubeDocument, parseDocuments } from '#kube/document.ts'

/** The objects of files together. Throws NOT_FOUND, INVALID naming file, document and line. */
export async function readKubeFiles(paths: readonly string[]): Promise<KubeDocument[]> {
  const documents: KubeDocument[] = []
  for (const path of paths) documents.push(...(await readKubeFile(path)))
  return documents
}

/** `-` is standard input. */
async function readKubeFile(path: string): Promise<KubeDocument[]> {
  if (/^https?:\/\//.test(path))
    throw new TspodError('UNSUPPORTED', `reading "${path}": files at an address are not implemented yet`, {
      hint: `curl -fsSL '${path}' | tspod kube play -`,
    })
  const text = read(path)
  return await parseDocuments(text, path === '-' ? 'standard input' : path)
}

/** Files that hold ConfigMaps, and nothing else that would be made. */
export async function readConfigMaps(paths: readonly string[]): Promise<KubeDocument[]> {
  const documents: KubeDocument[] = []
  for (const path of paths) {
    const found = await readKubeFile(path)
    const other = found.find(({ kind }) => kind !== 'ConfigMap')
    if (other !== undefined)
      throw other.field.needed('kind').error(`is "${other.kind}", must be ConfigMap for --configmap`)
    documents.push(...found)
  }
  return documents
}

function read(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw during(`reading "${path === '-' ? 'standard input' : path}"`, error)
  }
}
