// Kernel parameters of a container: which files to write, once its namespaces exist. Pure.
import { TspodError } from '#errors.ts'
import type { LinuxSpec } from '#oci/runtime-spec.ts'
import { canonicalSysctl, sysctlNamespace, sysctlPath } from '#oci/sysctl.ts'

export interface SysctlStep {
  /** below /proc/sys, in full */
  path: string
  value: string
}

/** The writes of `linux.sysctl`. Throws INVALID for a parameter that belongs to no namespace of the container's own. */
export function planSysctls(linux: LinuxSpec): SysctlStep[] {
  return Object.entries(linux.sysctl ?? {}).map(([name, value]) => {
    const dotted = canonicalSysctl(name)
    const path = sysctlPath(dotted)
    if (path === undefined) throw new TspodError('INVALID', `sysctl "${name}": no such parameter can exist`)
    const type = sysctlNamespace(dotted)
    if (type === undefined)
      throw new TspodError('INVALID', `sysctl "${name}": it is not in a separate kernel namespace of the container`)
    if (!linux.namespaces?.some(namespace => namespace.type === type))
      throw new TspodError(
        'INVALID',
        `sysctl "${name}": needs a ${type} namespace, and the container shares the host's`,
      )
    return { path, value }
  })
}
