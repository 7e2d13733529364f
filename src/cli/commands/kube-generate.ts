// `tspod kube generate` (also `tspod generate kube`).
import { existsSync } from 'node:fs'
import { defineCommand } from '#cli/command.ts'
import { writeSmallFile } from '#cli/file-output.ts'
import { choice, flag, integer, refused, text } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { TspodError } from '#errors.ts'
import { log } from '#log.ts'

export const kubeGenerateCommand = defineCommand({
  usage: '[options] {CONTAINER...|POD...|VOLUME...}',
  description: `Writes a Kubernetes file of what there is, which \`kube play\` makes again. Containers that are in no pod come into one together;
what has no place in such a file is told.`,
  examples: ['kube generate web > web.yaml', 'kube generate --service --filename shop.yaml shop'],
  options: {
    filename: text('file', 'Write to this file, which must not exist', { short: 'f', completes: 'files' }),
    noTrunc: flag('Keep annotations whole (they always are)'),
    podmanOnly: refused('', 'the file is for all readers', { harmless: ['false'] }),
    replicas: integer('With --type deployment: how many pods', 1, { short: 'r' }),
    service: flag('Write a Service for published ports too', { short: 's' }),
    type: choice(['pod', 'deployment', 'daemonset', 'job'], 'The kind of object (default pod)', { short: 't' }),
  },
  operands: '<name...>',
  completes: ['containers'],
  async run(values, names) {
    const { filename, replicas, service = false, type = 'pod' } = values
    if (replicas !== undefined && type !== 'deployment')
      throw new TspodError('INVALID', '--replicas can only be set with --type deployment')
    if (filename !== undefined && existsSync(filename))
      throw new TspodError('CONFLICT', `cannot write to "${filename}"; file exists`)
    const { generateKube } = await import('#engine/kube/generate.ts')
    const written = await generateKube(names, {
      type,
      service,
      ...(replicas !== undefined && { replicas }),
      onWarning: warning => log.warn(warning),
    })
    if (filename === undefined) print(written)
    else writeSmallFile(filename, written)
  },
})
