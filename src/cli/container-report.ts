// A container as `ps` tells of it: words for people, fields for templates, podman's JSON. Pure.
import type { ContainerSummary, NamespaceInodes } from '#engine/contracts/container.ts'
import { humanDuration, timeAgo } from './format/durations.ts'
import { humanSize } from './format/sizes.ts'
import type { Column } from './format/table.ts'
import { portsText } from './ports-text.ts'

/** What Podman prints for a time that never was. */
const neverSeconds = -62_135_596_800
const commandWidth = 20

const namespaceFields: [string, keyof NamespaceInodes][] = [
  ['CGROUPNS', 'cgroup'],
  ['IPC', 'ipc'],
  ['MNT', 'mnt'],
  ['NET', 'net'],
  ['PIDNS', 'pid'],
  ['USERNS', 'user'],
  ['UTS', 'uts'],
]

export const namespaceColumns: Column<ContainerSummary>[] = namespaceFields.map(([title, key]) => ({
  title,
  cell: ({ namespaces }) => namespaces?.[key] ?? '',
}))

/** `Up 3 minutes`, `Exited (0) 2 hours ago`, `Created`. */
export function statusText(container: ContainerSummary, nowMs: number): string {
  const { status, startedMs, exitedMs, exitCode = 0, health, machine = '' } = container
  const fitness = health === undefined ? '' : ` (${health})`
  const up = startedMs === undefined ? 'Up' : `Up ${humanDuration(Math.max(0, nowMs - startedMs))}`
  switch (status) {
    case 'running':
      return `${up}${fitness}`
    case 'paused':
      return `${up} (Paused)`
    case 'exited':
      return `Exited (${exitCode})${exitedMs === undefined ? '' : ` ${timeAgo(exitedMs, nowMs)}`}`
    case 'restarting':
      return `Restarting (${exitCode})${exitedMs === undefined ? '' : ` ${timeAgo(exitedMs, nowMs)}`}`
    case 'elsewhere':
      return `Up on ${machine || 'another machine'}`
    case 'created':
    case 'stopping':
    case 'removing':
    case 'unknown':
      return (status[0] ?? '').toUpperCase() + status.slice(1)
  }
}

/** The command in one line, cut after 17 letters where not `full`. */
export function commandText(command: readonly string[], full: boolean): string {
  const line = command.join(' ')
  const letters = Array.from(line)
  return full || letters.length <= commandWidth ? line : `${letters.slice(0, commandWidth - 3).join('')}...`
}

/** The element of `ps --format json`. */
export function containerJson(container: ContainerSummary, nowMs: number): Record<string, unknown> {
  const { size } = container
  return {
    AutoRemove: container.autoRemove,
    Command: container.command,
    CreatedAt: timeAgo(container.createdMs, nowMs),
    Exited: container.status === 'exited',
    ExitedAt: secondsOf(container.exitedMs),
    ExitCode: container.exitCode ?? 0,
    Id: container.id,
    Image: container.image,
    ImageID: container.imageId,
    IsInfra: container.pod?.isInfra ?? false,
    Labels: container.labels,
    Mounts: container.mounts,
    Names: container.names,
    Namespaces: container.namespaces === undefined ? {} : namespaceJson(container.namespaces),
    Networks: container.networks,
    Pid: container.pid,
    Pod: container.pod?.id ?? '',
    PodName: container.pod?.name ?? '',
    Ports: container.ports.map(port => ({
      host_ip: port.hostIp,
      container_port: port.containerPort,
      host_port: port.hostPort,
      range: port.range,
      protocol: port.protocol,
    })),
    Restarts: container.restarts,
    Size: size === undefined ? null : { rootFsSize: size.rootFsBytes, rwSize: size.writableBytes },
    StartedAt: secondsOf(container.startedMs),
    State: container.status,
    Status: statusText(container, nowMs),
    Created: secondsOf(container.createdMs),
  }
}

/** The fields of `ps --format` templates (podman-ps(1)). */
export function containerRow(container: ContainerSummary, nowMs: number, full: boolean): Record<string, unknown> {
  const short = (id: string) => (full ? id : id.slice(0, 12))
  const { size, namespaces } = container
  const inode = (key: keyof NamespaceInodes) => namespaces?.[key] ?? ''
  const created = goTimeText(container.createdMs)
  return {
    ...containerJson(container, nowMs),
    Id: container.id,
    ID: short(container.id),
    ImageID: short(container.imageId),
    Pod: short(container.pod?.id ?? ''),
    Command: commandText(container.command, full),
    CreatedAt: created,
    Created: created,
    CreatedHuman: timeAgo(container.createdMs, nowMs),
    RunningFor: timeAgo(container.createdMs, nowMs),
    Status: statusText(container, nowMs),
    State: container.status,
    Names: container.names.join(','),
    Networks: container.networks.join(','),
    Ports: portsText(container.ports),
    Size: size === undefined ? '' : `${humanSize(size.writableBytes)} (virtual ${humanSize(size.rootFsBytes)})`,
    Labels: container.labels,
    Label: (name: string) => container.labels[name] ?? '',
    Cgroup: inode('cgroup'),
    IPC: inode('ipc'),
    MNT: inode('mnt'),
    NET: inode('net'),
    PIDNS: inode('pid'),
    USERNS: inode('user'),
    UTS: inode('uts'),
  }
}

/** A time as Go prints it, `2006-01-02 15:04:05.123 +0000 UTC`. */
export function goTimeText(ms: number): string {
  const text = new Date(ms).toISOString()
  const fraction = text.slice(19, 23).replace(/\.?0+$/, '')
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction} +0000 UTC`
}

function namespaceJson(namespaces: NamespaceInodes): Record<string, string> {
  const { cgroup, ipc, mnt, net, pid, user, uts } = namespaces
  return { Cgroup: cgroup, Ipc: ipc, Mnt: mnt, Net: net, Pidns: pid, Userns: user, Uts: uts }
}

function secondsOf(ms: number | undefined): number {
  return ms === undefined ? neverSeconds : Math.floor(ms / 1000)
}
