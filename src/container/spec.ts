// From a request and the facts around it to the OCI configuration the runtime obeys. Pure: same inputs, same spec.
import { type IdMappingSpec, type RuntimeSpec, runtimeSpecVersion } from '#oci/runtime-spec.ts'
import { parseSignal } from '#oci/signal.ts'
import { planAccounts } from './accounts.ts'
import { planCapabilitySets } from './capabilities.ts'
import { planDeviceMounts } from './devices.ts'
import { planEnvironment } from './environment.ts'
import { planHooks } from './hooks.ts'
import type { PlanInputs } from './inputs.ts'
import { planOomScore, planRlimits, planSysctls } from './limits.ts'
import { planMounts } from './mounts.ts'
import { planNamespaces } from './namespaces.ts'
import { planArguments, planHostname, planWorkdir } from './process.ts'
import { resolveSeccompProfile } from './seccomp-profile.ts'
import { planLabels, planMaskedPaths } from './security.ts'
import { parseSecurityOptions } from './security-options.ts'
import { runsSystemd, systemdStopSignal } from './systemd-mode.ts'
import { type ResolvedUser, resolveUser } from './users.ts'

export interface ContainerPlan {
  spec: RuntimeSpec
  /** texts of files to write at PlanInputs.paths before the container starts; an absent one is not mounted */
  passwd?: string
  group?: string
  user: ResolvedUser
  stopSignal: number
  /** what the user should hear, and goes on without */
  warnings: string[]
}

/** Annotation by which runtimes leave the caller's supplementary groups alone (crun(1)). */
export const keepGroupsAnnotation = 'run.oci.keep_original_groups'

/** Decides everything about a container. Throws INVALID, NOT_FOUND or UNSUPPORTED for what cannot be. */
export function planContainer(inputs: PlanInputs): ContainerPlan {
  const { request, image, defaults, host, userNamespace, paths } = inputs
  const security = parseSecurityOptions(request.securityOpts)
  const namespaces = planNamespaces(inputs)
  const args = planArguments(request, image)
  const isSystemd = runsSystemd(request, args)
  const cwd = planWorkdir(request, image)
  const isKeepId = request.userns.kind === 'keep-id'
  const userText = request.user ?? (isKeepId ? keptUser(inputs) : (image.user ?? ''))
  const hasGroup = (gid: number): boolean => isMapped(userNamespace.gidMappings, gid)
  const user = resolveUser(userText, request.groupAdd, inputs.accounts, hasGroup)
  const files = planAccounts({
    request,
    accounts: inputs.accounts,
    user,
    caller: isKeepId && request.user === undefined ? inputs.caller : undefined,
    workdir: cwd,
    hostUserEntries: inputs.hostUserEntries,
  })
  const hostname = planHostname(inputs.id, request, inputs.joined)
  const capabilities = planCapabilitySets({
    add: request.capAdd,
    drop: request.capDrop,
    privileged: request.privileged,
    defaults: defaults.capabilities,
    last: host.lastCapability,
    isRoot: user.uid === 0,
  })
  const labels = planLabels(request.privileged, security, host, defaults.apparmorProfile)
  const mounts = planMounts(inputs, {
    namespaces,
    procOptions: security.procOptions,
    devices: planDeviceMounts({
      texts: [...defaults.devices, ...request.devices],
      privileged: request.privileged,
      hostNodes: host.deviceNodes,
    }),
    hasPasswd: files.passwd !== undefined,
    hasGroup: files.group !== undefined,
    isSystemd,
  })
  const annotations = { ...request.annotations, ...(user.keepGroups && { [keepGroupsAnnotation]: '1' }) }
  const hooks = planHooks(inputs.hooks, {
    annotations,
    command: args[0] ?? '',
    hasBindMounts: inputs.mounts.some(({ type }) => type === 'bind'),
  })
  const oomScoreAdj = planOomScore(request.oomScoreAdj, host.oomScoreAdj)
  const sysctl = planSysctls(request.sysctls, defaults.sysctls, namespaces, hasGroup)

  const spec: RuntimeSpec = {
    ociVersion: runtimeSpecVersion,
    process: {
      terminal: request.tty,
      ...(request.tty && inputs.consoleSize && { consoleSize: inputs.consoleSize }),
      user: {
        uid: user.uid,
        gid: user.gid,
        umask: Number.parseInt(request.umask ?? defaults.umask, 8),
        additionalGids: user.additionalGids,
      },
      args,
      env: planEnvironment({
        request,
        fileEntries: inputs.envFileEntries,
        imageEnv: image.env ?? [],
        defaultEnv: defaults.env,
        host: host.env,
        hostname: hostname ?? inputs.joined.hostname ?? host.hostname,
        home: user.entry?.home ?? cwd,
        ...(isSystemd && { systemdId: inputs.id }),
      }),
      cwd,
      capabilities,
      rlimits: planRlimits(request.ulimits, defaults.ulimits, host.rlimits),
      noNewPrivileges: security.noNewPrivileges,
      ...(labels.apparmorProfile !== undefined && { apparmorProfile: labels.apparmorProfile }),
      ...(labels.selinuxLabel !== undefined && { selinuxLabel: labels.selinuxLabel }),
      ...(oomScoreAdj !== undefined && { oomScoreAdj }),
    },
    root: { path: paths.rootfs, readonly: request.readOnly },
    ...(hostname !== undefined && { hostname }),
    mounts,
    ...(hooks && { hooks }),
    annotations,
    linux: {
      namespaces,
      ...(userNamespace.kind === 'new' && {
        uidMappings: userNamespace.uidMappings,
        gidMappings: userNamespace.gidMappings,
      }),
      ...(inputs.cgroupsPath !== undefined && { cgroupsPath: inputs.cgroupsPath }),
      ...(request.resources !== undefined && { resources: request.resources }),
      rootfsPropagation: rootPropagation(inputs),
      ...(Object.keys(sysctl).length > 0 && { sysctl }),
      ...(inputs.seccomp !== 'unconfined' && {
        seccomp: resolveSeccompProfile(inputs.seccomp, {
          arch: host.arch,
          capabilities: capabilities.bounding ?? [],
          kernelRelease: host.kernelRelease,
        }),
      }),
      ...planMaskedPaths(request.privileged, security),
      ...(labels.mountLabel !== undefined && { mountLabel: labels.mountLabel }),
    },
  }
  const stopSignal = parseSignal(
    request.stopSignal ?? image.stopSignal ?? (isSystemd ? systemdStopSignal : defaults.stopSignal),
  )
  return { spec, ...files, user, stopSignal, warnings: labels.warnings }
}

/** True for an id that the container's user namespace has. */
export function isMapped(mappings: readonly IdMappingSpec[], id: number): boolean {
  return mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size)
}

/** keep-id runs as the caller, unless --user says otherwise. */
function keptUser({ request, caller }: PlanInputs): string {
  const { uid, gid } = request.userns.kind === 'keep-id' ? request.userns : {}
  return `${uid ?? caller.uid}:${gid ?? caller.gid}`
}

/** A mount that is to pass events on needs a root that does not stop them (mount_namespaces(7)). */
function rootPropagation({ mounts }: PlanInputs): 'rprivate' | 'rslave' | 'rshared' {
  const words = new Set(mounts.flatMap(({ options }) => options))
  if (words.has('shared') || words.has('rshared')) return 'rshared'
  return words.has('slave') || words.has('rslave') ? 'rslave' : 'rprivate'
}
