// The seam: who makes, limits and removes the control group of a container. One implementation is picked (pick.ts); where none can
// serve, containers stay in the group of whoever starts them.
import type { CgroupSetting } from './settings.ts'

export interface CgroupManager {
  readonly name: 'systemd' | 'cgroupfs'
  /** Controllers that a container's group can use. */
  readonly controllers: readonly string[]
  /** What an administrator does so that a missing controller is there. */
  readonly remedy: string
  /** Prepares a group; nothing happens before `begin`. Throws for a parent that cannot be. */
  open(wish: CgroupWish): PendingCgroup
  /** Puts a process of the caller's into a group that exists. Throws where that is refused. */
  join(folder: string, pid: number): void
  /** Groups for others to be made in; absent where those of one user would lie in different places, as whoever calls does. */
  readonly parents?: CgroupParents
  /** Changes limits of a group that exists. */
  update(folder: string, settings: readonly CgroupSetting[]): void
}

/** Groups whose limits are for all that is in them together. */
export interface CgroupParents {
  /** Makes one, or gives the one that is there these limits; its name as `parent` of what is made in it. */
  open(wish: ParentWish): string
  /** Removes one, which has nothing in it any more; where it is not there, nothing happens. */
  close(wish: Pick<ParentWish, 'id' | 'parent'>): void
}

export interface ParentWish {
  /** The pod's id and name. */
  id: string
  name: string
  /** Where it is made; absent: the usual place. */
  parent?: string
  settings: readonly CgroupSetting[]
}

export interface CgroupWish {
  /** The container's id and name. */
  id: string
  name: string
  /** `--cgroup-parent`: a slice for systemd, a path below the cgroup2 tree for cgroupfs; absent: the usual one. */
  parent?: string
  settings: readonly CgroupSetting[]
  /** The monitor and its helpers get a group of their own beside the container's. */
  separateMonitor: boolean
  /** Where that is made; absent: beside the container's. */
  monitorParent?: string
  /** How it is ended by whoever ends the group: its stop signal, and how long it may take (below 0: for ever). */
  stop: { signal: number; timeoutSeconds: number }
  /** Units that end after it (systemd). */
  outlivedBy: readonly string[]
  /** `--cgroups=split`: the group of the caller is parted, one group for the container and one for whoever is in it now. */
  isSplit?: boolean
}

/** A group that is being made, while the caller does other things. */
export interface PendingCgroup extends Disposable {
  /** Has the group made around a process of the caller's; does not wait. */
  begin(processes: { container: number; monitor: readonly number[] }): void
  /** Waits until the process is in it with all limits in force; the group's folder. Throws with the reason where it is not. */
  finish(): string
}

/** Where the cgroup2 tree is on a machine that has no other. */
export const CGROUP_ROOT = '/sys/fs/cgroup'
