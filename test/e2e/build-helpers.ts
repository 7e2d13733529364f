// Contexts of builds in a sandbox, and what is in the images that come of them.
import { expect } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type useSandbox, write } from './sandbox.ts'

let number = 0

/** For one file's sandbox. */
export function buildHelpers(box: ReturnType<typeof useSandbox>) {
  /** A folder with a Containerfile and these files. */
  const context = (containerfile: string, files: Record<string, string> = {}): string => {
    const folder = box.folder(`context-${++number}`)
    for (const [path, text] of Object.entries({ Containerfile: containerfile, ...files })) {
      mkdirSync(join(folder, path, '..'), { recursive: true })
      write(folder, path, text)
    }
    return folder
  }
  /** What a shell says in the image that is built of `source`. */
  const built = async (source: string, script: string, ...args: string[]): Promise<string> => {
    const id = await box.ok('build', '-q', ...args, source)
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    return await box.ok('run', '--rm', '--entrypoint', '', id, 'sh', '-c', script)
  }
  return { context, built }
}
