// `tspod artifact …`: files kept and moved as images are.
import { defineCommand, usageError } from '#cli/command.ts'
import { writeSmallFile } from '#cli/file-output.ts'
import { timeAgo } from '#cli/format/durations.ts'
import { formatJson } from '#cli/format/json.ts'
import { humanSize } from '#cli/format/sizes.ts'
import { renderTable } from '#cli/format/table.ts'
import { flag, list, refused, text } from '#cli/option.ts'
import { print, printLine } from '#cli/output.ts'
import { registryOptions, registryOptionsOf } from '#cli/registry-options.ts'
import { commandProgress } from '#cli/streams.ts'

const quiet = flag('Show no progress', { short: 'q' })

export const artifactAddCommand = defineCommand({
  usage: '[options] NAME FILE [FILE...]',
  examples: ['artifact add registry.example.com/models/small:1 weights.bin tokens.json'],
  options: {
    annotation: list('key=value', 'Annotation of each file'),
    append: flag('Add to an artifact that exists', { short: 'a' }),
    fileType: text('type', 'Media type of the files (default application/octet-stream)'),
    replace: flag('Replace an artifact that exists'),
    type: text('type', 'Media type of the artifact'),
  },
  operands: '<name> <file...>',
  completes: ['none', 'files'],
  async run(values, [name = '', ...paths]) {
    const { append = false, replace = false, type, fileType } = values
    if (append && replace) throw usageError('--append and --replace cannot be used together')
    if (append && type !== undefined) throw usageError('append option is not compatible with type option')
    const annotations = Object.fromEntries(
      (values.annotation ?? []).map(each => {
        const equals = each.indexOf('=')
        if (equals < 1) throw usageError(`--annotation "${each}" must be KEY=VALUE`)
        return [each.slice(0, equals), each.slice(equals + 1)]
      }),
    )
    const { addArtifact } = await import('#engine/artifact/artifact.ts')
    printLine(await addArtifact(name, paths, { type, fileType, annotations, append, replace }))
  },
})

export const artifactListCommand = defineCommand({
  usage: '[options]',
  options: {
    format: text('template', 'json, or a Go template, or `table` and a template'),
    noTrunc: flag('Show digests in full'),
    noheading: flag('Leave the headings out', { short: 'n' }),
    quiet: flag('Show digests only', { short: 'q' }),
  },
  operands: '',
  async run(values) {
    const { listArtifacts } = await import('#engine/artifact/artifact.ts')
    const full = values.noTrunc ?? false
    const rows = (await listArtifacts()).map(({ name, digest, createdMs, sizeBytes }) => ({
      Repository: name.slice(0, name.lastIndexOf(':')),
      Tag: name.slice(name.lastIndexOf(':') + 1),
      Digest: full ? digest.slice('sha256:'.length) : digest.slice('sha256:'.length, 'sha256:'.length + 12),
      Created: createdMs === 0 ? '' : timeAgo(createdMs, Date.now()),
      Size: humanSize(sizeBytes),
    }))
    if (values.quiet === true) return print(rows.map(row => `${row.Digest}\n`).join(''))
    const { renderRows, wantsJson } = await import('#cli/format/report.ts')
    if (wantsJson(values.format)) return print(formatJson(rows))
    if (values.format !== undefined)
      return print(
        renderRows(values.format, rows, {
          fields: ['Repository', 'Tag', 'Digest', 'Created', 'Size'],
          headings: {},
          noHeading: values.noheading ?? false,
        }),
      )
    const columns = (['Repository', 'Tag', 'Digest', 'Created', 'Size'] as const).map(field => ({
      title: field.toUpperCase(),
      cell: (row: (typeof rows)[number]) => row[field],
    }))
    return print(renderTable(rows, columns, values.noheading !== true))
  },
})

export const artifactInspectCommand = defineCommand({
  usage: '[options] NAME',
  options: { format: text('template', 'A Go template, or json', { short: 'f' }) },
  operands: '<name>',
  completes: ['none'],
  async run(values, [name = '']) {
    const { inspectArtifacts } = await import('#engine/artifact/artifact.ts')
    const [artifact] = await inspectArtifacts([name])
    const { renderValue, wantsJson } = await import('#cli/format/report.ts')
    if (values.format === undefined || wantsJson(values.format)) return print(formatJson(artifact))
    print(renderValue(values.format, artifact))
  },
})

export const artifactPullCommand = defineCommand({
  usage: '[options] NAME',
  options: { ...registryOptions, decryptionKey: refused('key', 'encrypted artifacts come later'), quiet },
  operands: '<name>',
  completes: ['none'],
  async run(values, [name = '']) {
    const progress = commandProgress(values.quiet ?? false)
    const { pullArtifact } = await import('#engine/artifact/artifact.ts')
    const options = { ...registryOptionsOf(values), onProgress: progress.onProgress }
    printLine(await pullArtifact(name, options).finally(() => progress[Symbol.dispose]()))
  },
})

export const artifactPushCommand = defineCommand({
  usage: '[options] NAME [DESTINATION]',
  options: {
    ...registryOptions,
    digestfile: text('file', "Write the manifest's digest to this file", { completes: 'files' }),
    quiet,
    signBy: refused('key', 'GPG signatures come later'),
    signBySigstore: refused('file', 'parameter files come later'),
    signBySigstorePrivateKey: refused('file', 'sign the pushed artifact with "tspod image sign"'),
    signPassphraseFile: refused('file', 'sign the pushed artifact with "tspod image sign"'),
  },
  operands: '<name> [destination]',
  completes: ['none'],
  async run(values, [name = '', destination]) {
    const progress = commandProgress(values.quiet ?? false)
    const { pushArtifact } = await import('#engine/artifact/artifact.ts')
    const options = { ...registryOptionsOf(values), onProgress: progress.onProgress }
    const digest = await pushArtifact(name, destination, options).finally(() => progress[Symbol.dispose]())
    if (values.digestfile !== undefined) writeSmallFile(values.digestfile, digest)
    printLine(digest)
  },
})

export const artifactRemoveCommand = defineCommand({
  usage: '[options] NAME [NAME...]',
  options: { all: flag('Remove all artifacts', { short: 'a' }) },
  operands: '[name...]',
  completes: ['none'],
  async run(values, names) {
    const { all = false } = values
    if (all === names.length > 0)
      throw usageError(
        all
          ? 'when using the --all switch, you may not pass any artifact names or digests'
          : 'a single argument must be specified',
      )
    const { removeArtifacts } = await import('#engine/artifact/artifact.ts')
    for (const digest of await removeArtifacts(names, { all })) printLine(digest)
  },
})

export const artifactExtractCommand = defineCommand({
  usage: '[options] NAME TARGET',
  description:
    'TARGET is a directory, or, for a single file, its new name. Files get the base of their titles as names.',
  options: {
    digest: text('digest', 'Only the file with this digest'),
    title: text('title', 'Only the file with this title'),
  },
  operands: '<name> <target>',
  completes: ['none', 'files'],
  async run(values, [name = '', target = '']) {
    const { extractArtifact } = await import('#engine/artifact/artifact.ts')
    await extractArtifact(name, target, values)
  },
})
