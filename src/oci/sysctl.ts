// Which namespace a kernel parameter belongs to: only those may be set for one container (OCI runtime-spec, Sysctl).

const ofIpc = new Set(
  'msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced msg_next_id sem_next_id shm_next_id auto_msgmni'
    .split(' ')
    .map(name => `kernel.${name}`),
)

/** The namespace that holds this parameter, `undefined` for one of the whole machine. The name uses dots. */
export function sysctlNamespace(name: string): 'network' | 'ipc' | 'uts' | undefined {
  if (name.startsWith('net.')) return 'network'
  if (name.startsWith('fs.mqueue.') || ofIpc.has(name)) return 'ipc'
  if (name === 'kernel.hostname' || name === 'kernel.domainname') return 'uts'
  return undefined
}

/**
 * `net/ipv4/conf/eth0.1/x` and `net.ipv4.conf.eth0/1.x` in dots (sysctl.d(5)): where the first separator is a slash,
 * slashes separate and dots belong to names, written as slashes here.
 */
export function canonicalSysctl(name: string): string {
  const first = /[./]/.exec(name)?.[0]
  return first === '/' ? name.replace(/[./]/g, each => (each === '/' ? '.' : '/')) : name
}

/** The file of a parameter below /proc/sys, `undefined` for a name that leaves it. The name uses dots. */
export function sysctlPath(name: string): string | undefined {
  const parts = name.split('.').map(part => part.replaceAll('/', '.'))
  if (parts.some(part => part === '' || part === '.' || part === '..' || part.includes('\0'))) return undefined
  return `/proc/sys/${parts.join('/')}`
}
