// What `hostPath` volumes ask of this machine: that something is there, or is made.
import { closeSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import type { HostPathCheck } from '#kube/inputs.ts'

const fits: Record<HostPathCheck['type'], (facts: Stats) => boolean> = {
  Directory: facts => facts.isDirectory(),
  DirectoryOrCreate: facts => facts.isDirectory(),
  File: facts => facts.isFile(),
  FileOrCreate: facts => facts.isFile(),
  Socket: facts => facts.isSocket(),
  CharDevice: facts => facts.isCharacterDevice(),
  BlockDevice: facts => facts.isBlockDevice(),
}

/** Makes what may be made. Throws NOT_FOUND, INVALID naming the field. */
export function provideHostPath(check: HostPathCheck): void {
  const { path, type, place } = check
  try {
    if (type === 'DirectoryOrCreate') mkdirSync(path, { recursive: true, mode: 0o755 })
    if (type === 'FileOrCreate') makeFile(path)
    const facts = statSync(path)
    if (!fits[type](facts))
      throw new TspodError('INVALID', `reading ${place}: "${path}" is no ${type.replace('OrCreate', '')}`)
  } catch (error) {
    if (error instanceof TspodError) throw error
    if (errnoOf(error) === 'ENOENT')
      throw new TspodError('NOT_FOUND', `reading ${place}: "${path}" is not there: no such file or directory`)
    throw during(`reading ${place}: providing "${path}"`, error)
  }
}

/** Kubernetes makes it empty where its folder is. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o644))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new TspodError('NOT_FOUND', `making "${path}": there is no folder "${dirname(path)}"`)
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}
