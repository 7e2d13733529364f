// The capability sets of a container's first process (run(1), --cap-add, --cap-drop, --privileged). Pure.
import { TspodError } from '#errors.ts'
import { canonicalCapability, capabilityNames } from '#oci/capability.ts'
import type { CapabilitiesSpec } from '#oci/runtime-spec.ts'

export interface CapabilityInputs {
  add: readonly string[]
  drop: readonly string[]
  privileged: boolean
  /** containers.conf's default_capabilities */
  defaults: readonly string[]
  /** the kernel's highest, /proc/sys/kernel/cap_last_cap */
  last: number
  isRoot: boolean
}

/** Root holds its bounding set; another user holds, and hands on, only what was added for it (as podman does). */
export function planCapabilitySets(inputs: CapabilityInputs): CapabilitiesSpec {
  const all = capabilityNames.slice(0, inputs.last + 1)
  const add = namesOf('--cap-add', inputs.add, all)
  const drop = namesOf('--cap-drop', inputs.drop, all)
  const both = add.find(name => drop.includes(name))
  if (both !== undefined) throw new TspodError('INVALID', `capability "${both}" cannot be dropped and added`)
  const base = inputs.privileged ? all : namesOf('default_capabilities', inputs.defaults, all)
  const bounding = merge(base, add, drop, all)
  if (inputs.isRoot) return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] }
  const own = merge([], add, drop, all)
  return { bounding, effective: own, permitted: own, inheritable: own, ambient: own }
}

function merge(
  base: readonly string[],
  add: readonly string[],
  drop: readonly string[],
  all: readonly string[],
): string[] {
  if (add.includes('ALL')) return all.filter(name => !drop.includes(name))
  if (drop.includes('ALL')) return all.filter(name => add.includes(name))
  return all.filter(name => (base.includes(name) || add.includes(name)) && !drop.includes(name))
}

function namesOf(option: string, texts: readonly string[], all: readonly string[]): string[] {
  return texts
    .flatMap(text => text.split(','))
    .map(text => {
      if (text.toUpperCase() === 'ALL') return 'ALL'
      const name = canonicalCapability(text)
      if (name === undefined) throw new TspodError('INVALID', `parsing ${option} "${text}": unknown capability`)
      if (!all.includes(name))
        throw new TspodError('UNSUPPORTED', `parsing ${option} "${text}": this kernel has no ${name}`)
      return name
    })
}
