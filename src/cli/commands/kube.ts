// `tspod kube play` (also `tspod play kube`) and `tspod kube down`.
import { resolve } from 'node:path'
import { defineCommand, usageError } from '#cli/command.ts'
import { choice, commas, flag, refused, text, type Values } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { playShapeOf, playShapeOptions } from '#cli/play-shape.ts'
import { registryOptions, registryOptionsOf } from '#cli/registry-options.ts'
import { commandProgress } from '#cli/streams.ts'
import type { Played } from '#engine/contracts/kube.ts'
import { log } from '#log.ts'

const about = `Makes pods, containers and volumes of Kubernetes objects: Pod, Deployment, DaemonSet, Job, PersistentVolumeClaim, ConfigMap and
Secret (docs/kube.md says which fields are honoured). What fails half way leaves nothing. FILE may be - for standard input.`

const playOptions = {
  ...playShapeOptions,
  ...registryOptions,
  build: flag('Build images that have a folder with a Containerfile, even those that are there; false: build none'),
  configmap: commas('file', 'Take ConfigMaps from this file too', { completes: 'files' }),
  contextDir: text('folder', 'Where the folders of images lie, and what is built from', { completes: 'folders' }),
  down: flag('Take away what was made of the files: `kube down`'),
  force: flag('With --down: volumes of claims too'),
  quiet: flag('Show no progress of pulls', { short: 'q' }),
  replace: flag('Remove pods of the same names first'),
  serviceContainer: refused('', 'with --wait this command is the main process of a service', { harmless: ['false'] }),
  serviceExitCodePropagation: choice(
    ['all', 'any', 'none'],
    'With --wait: fail where all containers, any or none of them has failed (default none)',
  ),
  start: flag('Start the pods (default true)'),
  wait: flag('Stay until all containers have ended, then take the pods away, as at SIGINT and SIGTERM', {
    short: 'w',
  }),
}

export const kubePlayCommand = defineCommand({
  usage: '[options] FILE|- [FILE...]',
  description: about,
  examples: [
    'kube play web.yaml',
    'kube play --replace --configmap settings.yaml web.yaml',
    'kube play --down web.yaml',
  ],
  options: playOptions,
  operands: '<file...>',
  completes: ['files'],
  async run(values, files) {
    if (values.down === true) return await takeDown(files, values.force ?? false)
    if (values.force === true) throw usageError('--force may be specified only with --down')
    const isAttended = values.wait ?? false
    if (isAttended && values.start === false) throw usageError('--wait and --start=false cannot be set together')
    // before anything runs: the manager is told by this command, not by containers
    const manager = process.env['NOTIFY_SOCKET']
    const stop = new AbortController()
    if (isAttended) for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort())
    const played = await play(values, files, stop.signal)
    report(played)
    if (!isAttended) return 0
    const { waitForPlayed } = await import('#engine/kube/wait.ts')
    return await waitForPlayed(played, {
      propagation: values.serviceExitCodePropagation ?? 'none',
      manager,
      stop: stop.signal,
    })
  },
})

export const kubeDownCommand = defineCommand({
  usage: '[options] FILE|- [FILE...]',
  description: 'Stops and removes the pods that were made of the files. What is not there any more is no error.',
  examples: ['kube down web.yaml', 'kube down --force web.yaml'],
  options: { force: flag('Remove volumes of claims too, with all that is in them') },
  operands: '<file...>',
  completes: ['files'],
  async run(values, files) {
    return await takeDown(files, values.force ?? false)
  },
})

async function play(values: Values<typeof playOptions>, files: string[], signal: AbortSignal): Promise<Played> {
  const { playKube } = await import('#engine/kube/play.ts')
  using progress = commandProgress(values.quiet ?? false)
  return await playKube({
    files,
    configMaps: values.configmap ?? [],
    shape: playShapeOf(values),
    replace: values.replace ?? false,
    start: values.start ?? true,
    build: values.build,
    ...(values.contextDir !== undefined && { contextDir: resolve(values.contextDir) }),
    pull: { ...registryOptionsOf(values), onProgress: progress.onProgress, signal },
    onWarning: warning => log.warn(warning),
    onBuildOutput: chunk => process.stderr.write(chunk),
  })
}

/** In podman's form: a block for each pod. */
function report({ volumes, pods }: Played): void {
  if (volumes.length > 0) printBlock('Volumes:', volumes)
  for (const { id, containers } of pods) {
    printBlock('Pod:', [id])
    printBlock(containers.length === 1 ? 'Container:' : 'Containers:', containers)
    printLine('')
  }
}

async function takeDown(files: string[], force: boolean): Promise<void> {
  const { kubeDown } = await import('#engine/kube/down.ts')
  const { stopped, removed, volumes } = await kubeDown(files, { force })
  printBlock('Pods stopped:', stopped)
  printBlock('Pods removed:', removed)
  if (force) printBlock('Volumes removed:', volumes)
}

function printBlock(title: string, lines: readonly string[]): void {
  printLine(title)
  for (const line of lines) printLine(line)
}
