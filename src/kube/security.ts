// `securityContext` of pods and containers: who a container runs as, and what it may. Pure.
import { join } from 'node:path/posix'
import type { ContainerRequest } from '#container/request.ts'
import type { KubeField } from './field.ts'

/** What the two contexts of a container come to; its own has the last word. */
export interface SecurityPlan {
  said: Pick<ContainerRequest, 'user' | 'groupAdd' | 'capAdd' | 'capDrop' | 'securityOpts'> &
    Partial<Pick<ContainerRequest, 'privileged' | 'readOnly' | 'readOnlyTmpfs'>>
  nonRootPlace?: string
}

const windows = { windowsOptions: 'this is Linux' }
const shared = 'runAsUser runAsGroup runAsNonRoot seLinuxOptions seccompProfile appArmorProfile'

const podRules = {
  honoured: `${shared} supplementalGroups sysctls`,
  idle: 'fsGroupChangePolicy supplementalGroupsPolicy',
  warned: {
    fsGroup: 'files of volumes keep their group; `supplementalGroups` gives containers one',
    seLinuxChangePolicy: 'files keep their labels',
  },
  refused: windows,
}
const containerRules = {
  honoured: `${shared} privileged readOnlyRootFilesystem allowPrivilegeEscalation capabilities procMount`,
  refused: windows,
}

/** Kernel parameters of the pod's context. */
export function podSysctls(pod: KubeField, warn: (text: string) => void): Record<string, string> {
  const context = pod.objectOrEmpty('securityContext')
  context.check(podRules, warn)
  return Object.fromEntries(
    context.objects('sysctls').map(sysctl => {
      sysctl.check({ honoured: 'name value' }, warn)
      return [sysctl.neededText('name'), sysctl.text('value') ?? '']
    }),
  )
}

export function planSecurity(
  pod: KubeField,
  container: KubeField,
  seccompRoot: string,
  warn: (text: string) => void,
): SecurityPlan {
  const outer = pod.objectOrEmpty('securityContext')
  const own = container.objectOrEmpty('securityContext')
  own.check(containerRules, warn)
  const capabilities = own.objectOrEmpty('capabilities')
  capabilities.check({ honoured: 'add drop' }, warn)
  const readOnly = own.boolean('readOnlyRootFilesystem')
  const privileged = own.boolean('privileged')
  return {
    said: {
      user: userOf(outer, own),
      groupAdd: outer.list('supplementalGroups').map(group => String(group.asInteger(0, 2 ** 31 - 1))),
      capAdd: capabilities.texts('add'),
      capDrop: capabilities.texts('drop'),
      securityOpts: [
        ...(own.boolean('allowPrivilegeEscalation') === false ? ['no-new-privileges'] : []),
        ...(own.choice('procMount', ['Default', 'Unmasked']) === 'Unmasked' ? ['unmask=ALL'] : []),
        ...labelsOf(own.object('seLinuxOptions') ?? outer.object('seLinuxOptions'), warn),
        ...seccompOf(own.object('seccompProfile') ?? outer.object('seccompProfile'), seccompRoot, warn),
        ...apparmorOf(own.object('appArmorProfile') ?? outer.object('appArmorProfile'), warn),
      ],
      ...(privileged !== undefined && { privileged }),
      // a tmpfs on /run, /tmp and /var/tmp is podman's, not that of Kubernetes
      ...(readOnly !== undefined && { readOnly, readOnlyTmpfs: false }),
    },
    ...nonRoot(outer, own),
  }
}

function userOf(outer: KubeField, own: KubeField): string | undefined {
  const inner = (key: string) => (own.child(key) === undefined ? outer : own).integer(key, 0, 2 ** 31 - 1)
  const [uid, gid] = [inner('runAsUser'), inner('runAsGroup')]
  if (gid === undefined) return uid?.toString()
  if (uid !== undefined) return `${uid}:${gid}`
  const place = own.child('runAsGroup') ?? outer.needed('runAsGroup')
  throw place.error('needs "runAsUser" beside it', 'UNSUPPORTED')
}

/** Where the user is the image's, that is for whoever knows the image to say. */
function nonRoot(outer: KubeField, own: KubeField): { nonRootPlace?: string } {
  const field = own.child('runAsNonRoot') ?? outer.child('runAsNonRoot')
  if (field === undefined || (own.boolean('runAsNonRoot') ?? outer.boolean('runAsNonRoot')) !== true) return {}
  const uid = own.integer('runAsUser', 0) ?? outer.integer('runAsUser', 0)
  if (uid === 0) throw field.error('is true, but "runAsUser" is 0')
  return uid === undefined ? { nonRootPlace: field.place } : {}
}

function labelsOf(options: KubeField | undefined, warn: (text: string) => void): string[] {
  options?.check({ honoured: 'user role type level' }, warn)
  return ['user', 'role', 'type', 'level'].flatMap(key => {
    const value = options?.text(key)
    return value === undefined || value === '' ? [] : [`label=${key}:${value}`]
  })
}

const profileRules = { honoured: 'type localhostProfile' }
const profileTypes = ['RuntimeDefault', 'Unconfined', 'Localhost'] as const

function seccompOf(profile: KubeField | undefined, root: string, warn: (text: string) => void): string[] {
  profile?.check(profileRules, warn)
  switch (profile?.choice('type', profileTypes)) {
    case 'Unconfined':
      return ['seccomp=unconfined']
    case 'Localhost': {
      const path = profile.neededText('localhostProfile')
      if (path.startsWith('/') || path.split('/').includes('..'))
        throw profile.needed('localhostProfile').error(`is "${path}", must be a path below --seccomp-profile-root`)
      return [`seccomp=${join(root, path)}`]
    }
    case 'RuntimeDefault':
    case undefined:
      return []
  }
}

function apparmorOf(profile: KubeField | undefined, warn: (text: string) => void): string[] {
  profile?.check(profileRules, warn)
  switch (profile?.choice('type', profileTypes)) {
    case 'Unconfined':
      return ['apparmor=unconfined']
    case 'Localhost':
      return [`apparmor=${profile.neededText('localhostProfile')}`]
    case 'RuntimeDefault':
    case undefined:
      return []
  }
}
