// `tspod system check` and `tspod system reset`.
import { defineCommand, usageError } from '#cli/command.ts'
import { confirm } from '#cli/confirm.ts'
import { flag, parsed } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { parseDurationOption } from '#cli/values.ts'

export const systemCheckCommand = defineCommand({
  usage: '[options]',
  description: 'Exit status 1 says that damage was found and is still there.',
  options: {
    force: flag('With --repair: remove what cannot be repaired, containers too', { short: 'f' }),
    max: parsed('duration', 'Leave unreferenced layers younger than this alone (default 24h)', parseDurationOption, {
      short: 'm',
    }),
    quick: flag('Leave out what reads every byte', { short: 'q' }),
    repair: flag('Mend what can be mended', { short: 'r' }),
  },
  operands: '',
  async run(values) {
    const { force = false, repair = false } = values
    if (force && !repair) throw usageError('--force can only be used together with --repair')
    const { checkStore } = await import('#engine/system/check.ts')
    const problems = await checkStore({ quick: values.quick ?? false, repair, force, maxAgeMs: values.max })
    for (const { kind, id, problem, repaired } of problems)
      printLine(`${kind} "${id}": ${problem}${repaired ? ' (repaired)' : ''}`)
    const left = problems.filter(problem => !problem.repaired).length
    if (problems.length === 0) printLine('No damage found')
    return left === 0 ? 0 : 1
  },
})

export const systemResetCommand = defineCommand({
  usage: '[options]',
  options: { force: flag('Do not ask', { short: 'f' }) },
  operands: '',
  async run(values) {
    const { planReset, resetSystem } = await import('#engine/system/reset.ts')
    if (values.force !== true) {
      const plan = await planReset()
      const counts = `${plan.containers} containers, ${plan.images} images, ${plan.volumes} volumes`
      const paths = plan.paths.map(path => `\n        - "${path}"`).join('')
      if (!confirm(`WARNING! This will remove ${counts} and everything below:${paths}`)) return
    }
    await resetSystem()
  },
})
