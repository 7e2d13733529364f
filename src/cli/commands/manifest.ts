// `tspod manifest …`: lists of images for several platforms.
import { defineCommand, usageError } from '#cli/command.ts'
import { writeSmallFile } from '#cli/file-output.ts'
import { formatJson } from '#cli/format/json.ts'
import { choice, commas, flag, integer, list, refused, text, type Values } from '#cli/option.ts'
import { print, printLine } from '#cli/output.ts'
import { registryOptions, registryOptionsOf } from '#cli/registry-options.ts'
import { commandProgress } from '#cli/streams.ts'

const annotation = list('key=value', 'Annotation')

const memberOptions = {
  annotation,
  arch: text('name', 'Processor the image is for'),
  features: commas('list', 'Features of the processor'),
  os: text('name', 'Operating system the image is for'),
  osFeatures: commas('list', 'Features of the operating system'),
  osVersion: text('version', 'Version of the operating system'),
  variant: text('name', 'Variant of the processor'),
}

function factsOf(values: Values<typeof memberOptions>) {
  return {
    os: values.os,
    architecture: values.arch,
    variant: values.variant,
    osVersion: values.osVersion,
    osFeatures: values.osFeatures,
    features: values.features,
    annotations: annotationsOf(values.annotation),
  }
}

function annotationsOf(texts: readonly string[] | undefined): Record<string, string> | undefined {
  return (
    texts &&
    Object.fromEntries(
      texts.map(each => {
        const equals = each.indexOf('=')
        if (equals < 1) throw usageError(`--annotation "${each}" must be KEY=VALUE`)
        return [each.slice(0, equals), each.slice(equals + 1)]
      }),
    )
  )
}

export const manifestCreateCommand = defineCommand({
  usage: '[options] LIST [IMAGE...]',
  examples: ['manifest create app:1', 'manifest create app:1 app:amd64 app:arm64'],
  options: {
    ...registryOptions,
    all: flag('Add every image of lists, not only the one for this machine'),
    amend: flag('Go on with a list that exists', { short: 'a' }),
    annotation,
  },
  operands: '<list> [image...]',
  completes: ['none', 'images'],
  async run(values, [name = '', ...images]) {
    const { createList } = await import('#engine/manifest/edit.ts')
    const { all = false, amend = false } = values
    const annotations = annotationsOf(values.annotation)
    printLine(await createList(name, images, { ...registryOptionsOf(values), all, amend, annotations }))
  },
})

export const manifestAddCommand = defineCommand({
  usage: '[options] LIST IMAGE [IMAGE...]',
  description: 'IMAGE is one of the store, or one at a registry (docker://…), whose layers stay there until a push.',
  examples: ['manifest add app:1 app:arm64', 'manifest add --all app:1 docker://quay.io/other/list'],
  options: {
    ...registryOptions,
    ...memberOptions,
    all: flag('Add every image of a list'),
    artifact: refused('', 'members are images', { harmless: ['false'] }),
  },
  operands: '<list> <image...>',
  completes: ['none', 'images'],
  async run(values, [name = '', ...images]) {
    const { addToList } = await import('#engine/manifest/edit.ts')
    const facts = factsOf(values)
    printLine(await addToList(name, images, { ...registryOptionsOf(values), all: values.all ?? false, facts }))
  },
})

export const manifestAnnotateCommand = defineCommand({
  usage: '[options] LIST IMAGE',
  description: 'IMAGE is the digest of a member, or the name of an image that is one.',
  options: { ...memberOptions, index: flag('Annotate the list itself') },
  operands: '<list> [image]',
  completes: ['none', 'images'],
  async run(values, [name = '', image]) {
    if ((values.index === true) === (image !== undefined)) throw usageError('either an image or --index is needed')
    const { annotateList } = await import('#engine/manifest/edit.ts')
    printLine(await annotateList(name, image, factsOf(values)))
  },
})

export const manifestInspectCommand = defineCommand({
  usage: '[options] LIST',
  description: 'A list of the store, or what a registry has under this name.',
  options: {
    ...registryOptions,
    verbose: flag('Accepted for docker; there is no more to show', { short: 'v' }),
  },
  operands: '<list>',
  completes: ['none'],
  async run(values, [name = '']) {
    const { inspectList } = await import('#engine/manifest/inspect.ts')
    print(formatJson(await inspectList(name, registryOptionsOf(values))))
  },
})

export const manifestPushCommand = defineCommand({
  usage: '[options] LIST [DESTINATION]',
  examples: ['manifest push app:1 registry.example.com/app:1'],
  options: {
    ...registryOptions,
    addCompression: refused('format', 'variants of images by compression come later'),
    all: flag('Push the images too (default true)'),
    compressionFormat: choice(['gzip', 'zstd'], 'How layers are compressed'),
    compressionLevel: integer('gzip 1 to 9 (default 4), zstd 1 to 19 (default 3)', 1),
    digestfile: text('file', "Write the list's digest to this file", { completes: 'files' }),
    forceCompression: flag('Compress layers anew, whatever they are'),
    format: choice(['oci', 'v2s2'], 'Media types of OCI, or of docker', { short: 'f' }),
    quiet: flag('Show no progress', { short: 'q' }),
    removeSignatures: flag('Take no signatures along (signatures of other places never are)'),
    rm: flag('Remove the list here afterwards'),
    signBy: refused('key', 'GPG signatures come later'),
    signBySigstore: refused('file', 'parameter files come later'),
    signBySigstorePrivateKey: refused('file', 'sign the pushed list with "tspod image sign"'),
    signPassphraseFile: refused('file', 'sign the pushed list with "tspod image sign"'),
  },
  operands: '<list> [destination]',
  completes: ['none'],
  async run(values, [name = '', destination]) {
    const progress = commandProgress(values.quiet ?? false)
    const { pushList } = await import('#engine/manifest/push.ts')
    const { digest } = await pushList(name, destination, {
      ...registryOptionsOf(values),
      all: values.all ?? true,
      remove: values.rm ?? false,
      format: values.format && ({ oci: 'oci', v2s2: 'docker' } as const)[values.format],
      compression: values.compressionFormat,
      compressionLevel: values.compressionLevel,
      forceCompression: values.forceCompression,
      onProgress: progress.onProgress,
    }).finally(() => progress[Symbol.dispose]())
    if (values.digestfile !== undefined) writeSmallFile(values.digestfile, digest)
  },
})

export const manifestRemoveCommand = defineCommand({
  usage: 'LIST DIGEST',
  options: {},
  operands: '<list> <digest>',
  completes: ['none'],
  async run(_values, [name = '', digest = '']) {
    const { removeFromList } = await import('#engine/manifest/edit.ts')
    printLine(await removeFromList(name, digest))
  },
})

export const manifestRmCommand = defineCommand({
  usage: 'LIST [LIST...]',
  options: { ignore: flag('A missing list is no error', { short: 'i' }) },
  operands: '<list...>',
  completes: ['none'],
  async run(values, names) {
    const { listExists, removeLists } = await import('#engine/manifest/edit.ts')
    const wanted: string[] = []
    for (const name of names) if (values.ignore !== true || (await listExists(name))) wanted.push(name)
    for (const id of await removeLists(wanted)) printLine(`Deleted: ${id}`)
  },
})

export const manifestExistsCommand = defineCommand({
  usage: 'LIST',
  options: {},
  operands: '<list>',
  completes: ['none'],
  async run(_values, [name = '']) {
    const { listExists } = await import('#engine/manifest/edit.ts')
    return (await listExists(name)) ? 0 : 1
  },
})
