// Which machine and which boot this is: what a record of a running process is worth depends on both.
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * machine-id(5); the host name where there is none. For a store that several machines share the host name is part of it: the
 * nodes of a cluster are often installed from one image and then have one machine id.
 */
export function machineId(options: { sharedStore: boolean }): string {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = read(path)
    if (id !== undefined && /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id))
      return options.sharedStore ? `${id}@${hostname()}` : id
  }
  return `host:${hostname()}`
}

/** Changes with every boot (proc(5), /proc/sys/kernel/random/boot_id). */
export function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id') ?? 'unknown'
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
