// `tspod wait`.
import { defineCommand } from '#cli/command.ts'
import { parseStatus } from '#cli/filters.ts'
import { commas, flag, parsed } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { namedContainers } from '#cli/selection.ts'
import { parseDurationOption } from '#cli/values.ts'

export const waitCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['wait web', 'wait --condition running web'],
  options: {
    condition: commas(
      'status',
      'What to wait for: created, running, paused, stopping, exited, healthy, unhealthy (default exited)',
    ),
    exitFirstMatch: flag('The first container that gets there ends the wait'),
    ignore: flag('A missing container counts as exited'),
    interval: parsed(
      'duration',
      'How often to look where nothing tells of the change (default 250ms)',
      parseDurationOption,
      {
        short: 'i',
      },
    ),
    latest: flag('The container created last', { short: 'l' }),
  },
  operands: '[container...]',
  completes: ['running'],
  async run(values, operands) {
    const names = namedContainers(values.latest, operands)
    const conditions = (values.condition ?? ['exited']).map(word =>
      word === 'healthy' || word === 'unhealthy' ? word : parseStatus(word, `--condition ${word}`),
    )
    const { waitContainers } = await import('#engine/container/wait.ts')
    const outcomes = await waitContainers(names, {
      conditions,
      intervalMs: values.interval ?? 250,
      ignoreMissing: values.ignore ?? false,
      firstMatch: values.exitFirstMatch ?? false,
    })
    for (const outcome of outcomes) printLine(String(outcome.exitCode))
  },
})
