// `tspod pod create`, and the verbs that act on pods: start, stop, restart, kill, pause, unpause, rm, prune, exists.
import { defineCommand } from '#cli/command.ts'
import { confirm } from '#cli/confirm.ts'
import { flag, parsed, text } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'
import { podCreateOptions } from '#cli/pod-options.ts'
import { podRequest } from '#cli/pod-request.ts'
import { podIdFileOption, podSelectionOptions, printPods, selectPods } from '#cli/pod-selection.ts'
import { commandProgress } from '#cli/streams.ts'
import { parseSeconds } from '#cli/values.ts'
import { hasCode } from '#errors.ts'

const ignore = flag('A missing pod is no error', { short: 'i' })
const time = parsed(
  'seconds',
  'Seconds until a container is killed (default: those it was created with)',
  parseSeconds,
  {
    short: 't',
    aliases: ['timeout'],
  },
)

export const podCreateCommand = defineCommand({
  usage: '[options] [NAME]',
  description: `Makes a pod: containers that share a network (localhost and published ports), a hostname and IPC. Nothing runs in it until it is
started, or a container is run in it with \`run --pod\`.`,
  examples: ['pod create --name web -p 8080:80', 'pod create --share +pid --network backend jobs'],
  options: podCreateOptions,
  operands: '[name]',
  completes: ['none'],
  async run(values, operands) {
    const request = podRequest(values, operands, process.cwd())
    request.createCommand = process.argv.slice(2)
    const progress = commandProgress(false)
    const { createPodVerb } = await import('#engine/pod/create.ts')
    const { id } = await createPodVerb(request, { onProgress: progress.onProgress }).finally(() =>
      progress[Symbol.dispose](),
    )
    printLine(id)
  },
})

export const podStartCommand = defineCommand({
  usage: '[options] POD [POD...]',
  examples: ['pod start web', 'pod start --all'],
  options: { ...podSelectionOptions, podIdFile: podIdFileOption },
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const selection = await selectPods(values, operands)
    const { startPods } = await import('#engine/pod/start.ts')
    printPods(await startPods(selection))
  },
})

export const podStopCommand = defineCommand({
  usage: '[options] POD [POD...]',
  examples: ['pod stop web', 'pod stop --time 2 --all'],
  options: { ...podSelectionOptions, ignore, podIdFile: podIdFileOption, time },
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const selection = await selectPods(values, operands)
    const { stopPods } = await import('#engine/pod/stop.ts')
    printPods(await stopPods(selection, { timeoutSeconds: values.time }))
  },
})

export const podRestartCommand = defineCommand({
  usage: '[options] POD [POD...]',
  options: podSelectionOptions,
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const selection = await selectPods(values, operands)
    const { restartPods } = await import('#engine/pod/stop.ts')
    printPods(await restartPods(selection))
  },
})

export const podKillCommand = defineCommand({
  usage: '[options] POD [POD...]',
  examples: ['pod kill web', 'pod kill --signal HUP web'],
  options: { ...podSelectionOptions, signal: text('signal', 'Signal to send (default KILL)', { short: 's' }) },
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const selection = await selectPods(values, operands)
    const { killPods } = await import('#engine/pod/stop.ts')
    printPods(await killPods(selection, { signal: values.signal ?? 'KILL' }))
  },
})

export const podPauseCommand = defineCommand({
  usage: '[options] POD [POD...]',
  options: podSelectionOptions,
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const selection = await selectPods(values, operands)
    const { pausePods } = await import('#engine/pod/stop.ts')
    printPods(await pausePods(selection))
  },
})

export const podUnpauseCommand = defineCommand({
  usage: '[options] POD [POD...]',
  options: podSelectionOptions,
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const selection = await selectPods(values, operands)
    const { unpausePods } = await import('#engine/pod/stop.ts')
    printPods(await unpausePods(selection))
  },
})

export const podRmCommand = defineCommand({
  usage: '[options] POD [POD...]',
  description: 'Removes pods with all their containers and the anonymous volumes of these.',
  examples: ['pod rm web', 'pod rm --force --all'],
  options: {
    ...podSelectionOptions,
    force: flag('Stop running containers first; a missing pod is no error', { short: 'f' }),
    ignore,
    podIdFile: podIdFileOption,
    time,
  },
  operands: '[pod...]',
  completes: ['pods'],
  async run(values, operands) {
    const force = values.force ?? false
    const selection = await selectPods({ ...values, ignore: force || values.ignore === true }, operands)
    const { removePods } = await import('#engine/pod/remove.ts')
    const outcomes = await removePods(selection, { force, timeoutSeconds: values.time })
    const failures = outcomes.flatMap(({ errors }) => errors)
    printPods(outcomes, failures.every(failure => hasCode(failure, 'NOT_FOUND')) ? 1 : undefined)
  },
})

export const podPruneCommand = defineCommand({
  usage: '[options]',
  options: { force: flag('Do not ask', { short: 'f' }) },
  operands: '',
  async run(values) {
    const question = 'WARNING! This will remove all stopped/exited pods..'
    if (values.force !== true && !confirm(question)) return
    const { prunePods } = await import('#engine/pod/remove.ts')
    printPods(await prunePods())
  },
})

export const podExistsCommand = defineCommand({
  usage: 'POD',
  options: {},
  operands: '<pod>',
  completes: ['pods'],
  async run(_values, [name = '']) {
    const { podExists } = await import('#engine/pod/list.ts')
    return (await podExists(name)) ? 0 : 1
  },
})
