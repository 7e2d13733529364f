// `tspod healthcheck run`.
import { defineCommand, usageError } from '#cli/command.ts'
import { printLine } from '#cli/output.ts'

export const healthcheckRunCommand = defineCommand({
  usage: 'CONTAINER',
  description:
    'Ends with 0 where the check succeeds, with 1 where it fails, with 125 where there is none or the container does not run.',
  examples: ['healthcheck run web'],
  options: {},
  operands: '<container>',
  completes: ['running'],
  async run(_values, operands) {
    const [name, ...others] = operands
    if (name === undefined || others.length > 0) throw usageError('healthcheck run takes one container')
    const { runHealthcheck } = await import('#engine/container/healthcheck.ts')
    const { exitCode } = await runHealthcheck(name)
    if (exitCode === 0) return 0
    printLine('unhealthy')
    return 1
  },
})
