// `tspod cp`.

import { defineCommand, usageError } from '#cli/command.ts'
import { flag, refused } from '#cli/option.ts'
import type { CopyEnd } from '#engine/contracts/container.ts'

export const cpCommand = defineCommand({
  usage: '[options] [CONTAINER:]SOURCE [CONTAINER:]DESTINATION',
  description: 'A `-` in place of a path of this machine is a tar archive on standard input or output.',
  examples: ['cp web:/etc/passwd .', 'cp ./site web:/srv', 'cp web:/var/log - | tar t'],
  options: {
    archive: flag("Give the files to the destination's user (default true)", { short: 'a' }),
    followLink: refused('', 'symbolic links are copied as they are', { short: 'L', harmless: ['false'] }),
    overwrite: flag('Let files replace folders and the other way round'),
    pause: refused('', 'containers are not paused while files are copied', { harmless: ['false'] }),
  },
  operands: '<source> <destination>',
  completes: ['containers', 'containers'],
  async run(values, [from = '', to = '']) {
    const source = parseEnd(from)
    const destination = parseEnd(to)
    if (source.kind !== 'container' && destination.kind !== 'container')
      throw usageError(`copying "${from}" to "${to}": neither is in a container, must be CONTAINER:PATH`)
    const { copyFiles } = await import('#engine/container/copy.ts')
    await copyFiles({ source, destination, archive: values.archive ?? true, overwrite: values.overwrite ?? false })
  },
})

/** `web:/etc`, `./a:b` (a local path), `-` (a stream). */
function parseEnd(text: string): CopyEnd {
  if (text === '-') return { kind: 'stream' }
  const colon = text.indexOf(':')
  if (text === '' || colon === 0) throw usageError(`parsing "${text}": must be a path or CONTAINER:PATH`)
  if (colon === -1 || /^[./]/.test(text)) return { kind: 'local', path: text }
  const path = text.slice(colon + 1)
  if (path === '') throw usageError(`parsing "${text}": the path after the container is missing`)
  return { kind: 'container', container: text.slice(0, colon), path }
}
