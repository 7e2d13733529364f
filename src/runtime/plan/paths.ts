// Places inside the container's root: found and made without ever following a symbolic link out of it (CVE-2021-30465). Pure.

import { ROOT, TARGET } from '#runtime/slots.ts'
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '#sys/flags.ts'
import { type Argument, type Call, call, type Memory, tolerate } from '#sys/servant/batch.ts'

const S_IFREG = 0o100000

/** struct open_how of openat2(2), resolving beneath the folder descriptor as if it were the root. */
export function openHow(flags: number, mode = 0): Memory {
  return {
    memory: new BigUint64Array([
      BigInt(flags | O_CLOEXEC),
      BigInt(mode),
      BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
    ]),
  }
}

/** openat2(2) of a path beneath the root; one call. */
export function openBeneath(path: string, flags: number, mode = 0): Call {
  return call('openat2', ROOT, relative(path), openHow(flags, mode), 24)
}

/** Gives the last call's descriptor (call `from` of this step) a fixed number and closes the first one: two calls. */
export function placeAt(from: number, slot: number): Call[] {
  return [call('dup3', { resultOf: from }, slot, O_CLOEXEC), call('close', { resultOf: from })]
}

/** Opens a folder or file beneath the root as TARGET, making it and the folders above where they are missing. */
export function targetCalls(path: string, kind: 'folder' | 'file', mode = 0o755): Call[] {
  const parts = relative(path)
    .split('/')
    .filter(part => part !== '' && part !== '.')
  const calls: Call[] = []
  parts.forEach((name, depth) => {
    const isLast = depth === parts.length - 1
    let parent: Argument = ROOT
    if (depth > 0) {
      parent = { resultOf: calls.length }
      calls.push(openBeneath(parts.slice(0, depth).join('/'), O_PATH | O_DIRECTORY))
    }
    // what is there already, or cannot be made, shows when the whole path is opened
    const made =
      isLast && kind === 'file'
        ? call('mknodat', parent, name, S_IFREG | (mode & 0o666), 0)
        : call('mkdirat', parent, name, isLast ? mode : 0o755)
    calls.push(tolerate('any', made))
    if (depth > 0) calls.push(call('close', parent))
  })
  const opened = calls.length
  calls.push(openBeneath(path, kind === 'folder' ? O_PATH | O_DIRECTORY : O_PATH), ...placeAt(opened, TARGET))
  return calls
}

/** A path as openat2(2) with RESOLVE_IN_ROOT wants it: without the leading slash, `.` for the root. */
export function relative(path: string): string {
  const trimmed = path.replace(/^\/+/, '')
  return trimmed === '' ? '.' : trimmed
}

/** Writes a text to a file (three calls); `folder` is a descriptor or AT_FDCWD. */
export function writeFileCalls(path: string, text: string, folder: number = AT_FDCWD): Call[] {
  return [
    call('openat', folder, path, 1 | O_CLOEXEC, 0),
    call('write', { resultOf: 0 }, text, Buffer.byteLength(text)),
    call('close', { resultOf: 0 }),
  ]
}

/** A word as a shell would take it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
