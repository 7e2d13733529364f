// What systemd as a container's program needs (podman-run(1), --systemd; systemd.io, Container Interface). Pure.
import type { MountSpec } from '#oci/runtime-spec.ts'
import type { ContainerRequest } from './request.ts'

export type SystemdMode = 'detect' | 'always' | 'never'

/** It halts at this one. */
export const systemdStopSignal = 'SIGRTMIN+3'

const inits = ['/sbin/init', '/usr/sbin/init', '/usr/local/sbin/init']

/** Whether the program is systemd, by its name; also where a shell starts it. */
export function runsSystemd(
  { systemd, init }: Pick<ContainerRequest, 'systemd' | 'init'>,
  args: readonly string[],
): boolean {
  if (systemd === 'always' || systemd === 'never') return systemd === 'always'
  if (init) return false // systemd is process 1 or nothing
  const [program = ''] = args.length > 2 ? (args.at(-1) ?? '').split(' ') : args
  return inits.includes(program) || /(?:^|\/)systemd$/.test(program)
}

/** Memory where it keeps its sockets and what it logs. */
export function systemdMounts(sizeBytes: number | undefined): MountSpec[] {
  const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`]
  return ['/run', '/run/lock', '/tmp', '/var/log/journal'].map(destination => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [
      'rw',
      'rprivate',
      'nosuid',
      'nodev',
      'tmpcopyup',
      ...(destination === '/run' ? ['mode=755'] : []),
      ...size,
    ],
  }))
}
