// `tspod pull`.
import { defineCommand } from '#cli/command.ts'
import { choice, flag, parsed } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { pullOptions, pullOptionsOf } from '#cli/pull-options.ts'
import { throwFailures } from '#cli/selection.ts'
import { commandProgress } from '#cli/streams.ts'
import { parseByteSize } from '#container/options/size.ts'

export const pullCommand = defineCommand({
  usage: '[options] IMAGE [IMAGE...]',
  examples: ['pull alpine', 'pull --platform linux/arm64 docker.io/library/debian:12'],
  options: {
    ...pullOptions,
    allTags: flag('Pull every tag of the repository', { short: 'a' }),
    budget: parsed('size', 'Refuse the pull where it would take more than this, such as 200M', (text, option) =>
      parseByteSize(option, text),
    ),
    policy: choice(['always', 'missing', 'never', 'newer'], 'When to pull (default always)'),
    quiet: flag('Show no progress', { short: 'q' }),
  },
  operands: '<image...>',
  completes: ['images'],
  async run(values, names) {
    const { pullImage } = await import('#engine/image/pull.ts')
    const failures: { error: Error }[] = []
    for (const name of names) {
      const progress = commandProgress(values.quiet ?? false)
      const options = {
        ...pullOptionsOf(values),
        policy: values.policy ?? 'always',
        budgetBytes: values.budget,
        onProgress: progress.onProgress,
      }
      try {
        const images = await pullImage(name, { ...options, allTags: values.allTags ?? false }).finally(() =>
          progress[Symbol.dispose](),
        )
        for (const { id } of images) printLine(id)
      } catch (error) {
        if (names.length === 1 || !(error instanceof Error)) throw error
        failures.push({ error })
      }
    }
    throwFailures(failures)
  },
})
