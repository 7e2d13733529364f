// `tspod commit`.
import { defineCommand } from '#cli/command.ts'
import { writeSmallFile } from '#cli/file-output.ts'
import { choice, flag, list, refused, text } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { commandProgress } from '#cli/streams.ts'

const families = { oci: 'oci', docker: 'docker' } as const

export const commitCommand = defineCommand({
  usage: '[options] CONTAINER [IMAGE]',
  examples: ['commit web web:changed', "commit -c 'CMD /bin/app' -c 'ENV MODE=prod' build app:1"],
  options: {
    author: text('name', 'Author of the image', { short: 'a' }),
    change: list('instruction', 'CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR', {
      short: 'c',
    }),
    config: refused('json', 'use --change'),
    format: choice(['oci', 'docker'], 'Media types of OCI (default), or of docker', { short: 'f' }),
    iidfile: text('file', "Write the image's id to this file", { completes: 'files' }),
    includeVolumes: flag("Declare the container's mounts as volumes of the image"),
    message: text('text', 'Comment of the image', { short: 'm' }),
    pause: flag('Pause the container meanwhile, so that its files do not change', { short: 'p' }),
    quiet: flag('Show no progress', { short: 'q' }),
    squash: flag('One layer with everything, instead of one on top of the image', { short: 's' }),
  },
  operands: '<container> [image]',
  completes: ['containers', 'images'],
  async run(values, [container = '', image]) {
    const progress = commandProgress(values.quiet ?? false)
    const { commitContainer } = await import('#engine/container/commit.ts')
    const { id } = await commitContainer(container, image, {
      author: values.author,
      message: values.message,
      changes: values.change ?? [],
      format: families[values.format ?? 'oci'],
      includeVolumes: values.includeVolumes ?? false,
      squash: values.squash ?? false,
      pause: values.pause ?? false,
      onProgress: progress.onProgress,
    }).finally(() => progress[Symbol.dispose]())
    if (values.iidfile !== undefined) writeSmallFile(values.iidfile, `sha256:${id}`)
    printLine(id)
  },
})
