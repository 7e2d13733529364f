// The one place that picks who makes the control groups of containers: systemd, the tree itself, or nobody.
import { TspodError } from '#errors.ts'
import { type CgroupVersion, readCgroupFacts } from '#host/cgroup.ts'
import { hostUser } from '#host/user.ts'
import type { CgroupManager } from './manager.ts'
import { type CgroupSetting, controllersOf } from './settings.ts'

export type CgroupManagerName = 'systemd' | 'cgroupfs' | 'none'

export interface PickedCgroups {
  /** Absent: containers stay in the group of whoever starts them, without limits. */
  manager: CgroupManager | undefined
  /** Why this one, in one line. */
  reason: string
}

/**
 * `wanted` is tried first; where `isRequired`, nothing else is, and its reason is thrown. A configuration is only a wish: the same
 * file serves podman on machines of all kinds.
 */
export async function pickCgroupManager(
  wanted: CgroupManagerName | undefined,
  isRequired: boolean,
): Promise<PickedCgroups> {
  if (wanted === 'none')
    return { manager: undefined, reason: isRequired ? 'the command line says so' : 'the configuration says so' }
  if (hostUser().isRoot)
    return none("root's containers run as a subordinate user, who has no groups", wanted, isRequired)
  const { version } = readCgroupFacts()
  const reasons: string[] = []
  for (const name of wanted === 'cgroupfs' ? (['cgroupfs', 'systemd'] as const) : (['systemd', 'cgroupfs'] as const)) {
    if (isRequired && name !== wanted) continue
    const found = await tryManager(name, version, isRequired)
    if (typeof found !== 'string') return { manager: found, reason: servesBecause(name, reasons) }
    reasons.push(`${name}: ${found}`)
  }
  return none(reasons.join('; '), wanted, isRequired)
}

/** A tree without controllers, beside those of version 1, is for those who ask for it: processes can be stopped and killed in it. */
async function tryManager(
  name: 'systemd' | 'cgroupfs',
  version: CgroupVersion,
  isRequired: boolean,
): Promise<CgroupManager | string> {
  if (name === 'systemd') {
    if (version !== 'v2') return `version of control groups: ${version}`
    const { connectSystemd } = await import('./systemd.ts')
    return connectSystemd()
  }
  if (version !== 'v2' && !(version === 'hybrid' && isRequired)) return `version of control groups: ${version}`
  const { openCgroupfs } = await import('./cgroupfs.ts')
  return openCgroupfs()
}

function servesBecause(name: CgroupManager['name'], reasons: readonly string[]): string {
  const because = name === 'systemd' ? 'your systemd manager answers' : 'the group of this process is yours'
  return reasons.length === 0 ? because : `${because}; ${reasons.join('; ')}`
}

function none(reason: string, wanted: CgroupManagerName | undefined, isRequired: boolean): PickedCgroups {
  if (!isRequired) return { manager: undefined, reason }
  throw new TspodError('UNSUPPORTED', `--cgroup-manager ${wanted}: ${reason.replace(/^(systemd|cgroupfs): /, '')}`)
}

/** Throws, naming the controller and what enables it, for settings that cannot be enforced here. */
export function requireControllers(
  { manager, reason }: PickedCgroups,
  settings: readonly CgroupSetting[],
  whose: 'the container' | 'the pod' = 'the container',
): void {
  for (const controller of controllersOf(settings)) {
    if (manager?.controllers.includes(controller) === true) continue
    const wanted = settings.filter(each => each.controller === controller)
    // where nobody limits anything, "no limit" is what there is
    if (manager === undefined && wanted.every(({ value }) => /^max\b/.test(value))) continue
    const files = wanted.map(({ file, value }) => `${file} = ${value}`)
    const what = `limiting ${whose} (${files.join(', ')})`
    const others = `--soft-limits${whose === 'the pod' ? ' of its containers' : ''} comes close to some limits without`
    if (manager === undefined)
      throw new TspodError('UNSUPPORTED', `${what}: there is no control group to do it in: ${reason}`, {
        hint: `\`tspod doctor\` tells what is missing; ${others}; without the option nothing limits it`,
      })
    throw new TspodError('UNSUPPORTED', `${what}: the controller "${controller}" is not delegated to you`, {
      hint: `${manager.remedy}; ${others}`,
    })
  }
}
