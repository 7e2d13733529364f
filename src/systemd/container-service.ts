// The service of one container, as `generate systemd` prints it (podman-generate-systemd(1)). Pure.
import { joinWords } from './words.ts'

/** What the service does at its start. */
export type ServiceStart =
  /** makes a new container each time: the options of `run`, then its image with the command */
  | { kind: 'new'; options: readonly (readonly string[])[]; operands: readonly string[] }
  /** starts the one there is, by this name or id */
  | { kind: 'existing'; container: string }

export interface ContainerService {
  /** `container-web`, without `.service`; ends with `@` for a template */
  name: string
  /** the words that start tspod, an absolute path first */
  program: readonly string[]
  start: ServiceStart
  /** of systemd; what a container's own policy says */
  restart: string
  restartSeconds?: number
  startTimeoutSeconds?: number
  /** between the signal that stops the container and SIGKILL */
  stopTimeoutSeconds: number
  /** `NAME=value` */
  environment: readonly string[]
  wants: readonly string[]
  after: readonly string[]
  requires: readonly string[]
  /** lines of a comment above all */
  header: readonly string[]
}

/** systemd kills what is left this long after tspod has. */
const SLACK_SECONDS = 60
const idFile = '--cidfile=%t/%n.ctr-id'

/** The unit's text. */
export function serviceText(service: ContainerService): string {
  const { name, restartSeconds, startTimeoutSeconds, stopTimeoutSeconds } = service
  const isTemplate = name.endsWith('@')
  const lines = [
    ...service.header.map(line => `# ${line}`),
    ...(service.header.length === 0 ? [] : ['']),
    '[Unit]',
    `Description=tspod ${name}.service${isTemplate ? ' for %I' : ''}`,
    'Wants=network-online.target',
    'After=network-online.target',
    'RequiresMountsFor=%t',
    ...(service.wants.length === 0 ? [] : [`Wants=${service.wants.join(' ')}`]),
    ...(service.after.length === 0 ? [] : [`After=${service.after.join(' ')}`]),
    ...(service.requires.length === 0 ? [] : [`Requires=${service.requires.join(' ')}`]),
    '',
    '[Service]',
    'Environment=PODMAN_SYSTEMD_UNIT=%n',
    ...service.environment.map(entry => `Environment=${joinWords([literal(entry)])}`),
    `Restart=${service.restart}`,
    ...(restartSeconds === undefined ? [] : [`RestartSec=${restartSeconds}`]),
    ...(startTimeoutSeconds === undefined ? [] : [`TimeoutStartSec=${startTimeoutSeconds}`]),
    `TimeoutStopSec=${stopTimeoutSeconds + SLACK_SECONDS}`,
    ...commands(service),
    'Type=notify',
    'NotifyAccess=all',
    '',
    '[Install]',
    'WantedBy=default.target',
  ]
  return `${lines.join('\n')}\n`
}

function commands({ program, start, stopTimeoutSeconds }: ContainerService): string[] {
  const line = (...words: (string | readonly string[])[]) =>
    words.map(word => joinWords(typeof word === 'string' ? [word] : word)).join(' \\\n\t')
  const time = String(stopTimeoutSeconds)
  if (start.kind === 'existing') {
    const stop = line([...program, 'stop', '-t', time, start.container])
    return [`ExecStart=${line([...program, 'start', start.container])}`, `ExecStop=${stop}`, `ExecStopPost=${stop}`]
  }
  const operands = start.operands.map(literal)
  return [
    'ExecStartPre=/bin/rm -f %t/%n.ctr-id',
    `ExecStart=${line([...program, 'run'], idFile, '--cgroups=no-conmon', '--rm', '--sdnotify=conmon', '-d', '--replace', ...start.options, operands)}`,
    `ExecStop=${line([...program, 'stop'], '--ignore', ['-t', time], idFile)}`,
    `ExecStopPost=${line([...program, 'rm'], '-f', '--ignore', ['-t', time], idFile)}`,
  ]
}

/** Taken as it is: no variable and no specifier of systemd. */
export function literal(word: string): string {
  return word.replaceAll('$', '$$$$').replaceAll('%', '%%')
}
