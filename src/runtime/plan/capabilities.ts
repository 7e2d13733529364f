// The five capability sets as prctl(2) and capset(2) take them. Pure.
import { capabilityNames } from '#oci/capability.ts'
import type { CapabilitiesSpec } from '#oci/runtime-spec.ts'

export interface CapabilityPlan {
  /** for PR_CAPBSET_DROP, while CAP_SETPCAP is still effective */
  dropFromBounding: number[]
  /** capset(2): version 3 and process 0, and three sets of two words */
  header: Uint8Array
  data: Uint8Array
  /** for PR_CAP_AMBIENT_RAISE, after capset(2) */
  raiseAmbient: number[]
  /** names this kernel has no number for, to warn about (runtime-spec: must not fail) */
  unknown: string[]
}

const version3 = 0x20080522

/** What gives a process exactly these sets; `last` is /proc/sys/kernel/cap_last_cap. Absent sets are empty. */
export function planCapabilities(
  sets: CapabilitiesSpec = {},
  last: number = capabilityNames.length - 1,
): CapabilityPlan {
  const unknown = new Set<string>()
  const mask = (names: readonly string[] = []): bigint => {
    let bits = 0n
    for (const name of names) {
      const number = capabilityNames.indexOf(name)
      if (number < 0 || number > last) unknown.add(name)
      else bits |= 1n << BigInt(number)
    }
    return bits
  }
  const bounding = mask(sets.bounding)
  const permitted = mask(sets.permitted)
  const inheritable = mask(sets.inheritable)
  // The kernel refuses what is not permitted, and ambient ones that are not inheritable too (capabilities(7)).
  const effective = mask(sets.effective) & permitted
  const ambient = mask(sets.ambient) & permitted & inheritable
  const numbers = Array.from({ length: last + 1 }, (_, number) => number)
  const has = (bits: bigint, number: number) => (bits & (1n << BigInt(number))) !== 0n

  return {
    dropFromBounding: numbers.filter(number => !has(bounding, number)),
    header: new Uint8Array(Uint32Array.of(version3, 0).buffer),
    data: words(effective, permitted, inheritable),
    raiseAmbient: numbers.filter(number => has(ambient, number)),
    unknown: [...unknown],
  }
}

/** Two `struct __user_cap_data_struct`: the low words of all sets, then the high ones. */
function words(...sets: bigint[]): Uint8Array {
  const low = sets.map(set => Number(set & 0xffffffffn))
  const high = sets.map(set => Number(set >> 32n))
  return new Uint8Array(Uint32Array.from([...low, ...high]).buffer)
}
