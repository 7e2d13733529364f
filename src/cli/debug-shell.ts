// `build --debug-shell`: a shell in the state before the step that failed, in a container that goes with it.

import { join } from 'node:path'
import { isatty } from 'node:tty'
import type { FailedState } from '#engine/contracts/build.ts'
import type { CommandSpec } from './command.ts'
import { printError } from './output.ts'
import { parseCommand } from './parse.ts'

/** Returns when the shell ends; the image that was made for it is removed. */
export async function openDebugShell(state: FailedState): Promise<void> {
  const { imageId, isNew, shell, env, user, workdir, network, binds, context, missing } = state
  const words = missing.length === 0 ? '' : `; without the step's mounts (${[...new Set(missing)].join(', ')})`
  printError(`\nA shell in the state before this step${words}. It ends with "exit", and nothing of it is kept.\n`)
  const argv = [
    '--rm',
    isatty(0) && isatty(1) ? '-it' : '-i',
    '--pull=never',
    '--entrypoint=',
    `--workdir=${workdir}`,
    ...(user === '' ? [] : [`--user=${user}`]),
    ...(network === 'default' ? [] : [`--network=${network}`]),
    ...env.map(each => `--env=${each}`),
    ...binds.map(({ source, target }) => `--volume=${join(context, source)}:${target}:ro`),
    imageId,
    shell,
  ]
  const { runCommand } = await import('./commands/run.ts')
  try {
    await runSpec(runCommand, argv)
  } finally {
    if (isNew) {
      const { removeImages } = await import('#engine/image/remove.ts')
      await removeImages([imageId], { all: false, force: true, ignoreMissing: true, noPrune: true })
    }
  }
}

async function runSpec(spec: CommandSpec, argv: string[]): Promise<void> {
  const { values, operands } = parseCommand(spec, argv)
  await spec.run(values as never, operands)
}
