// Which process holds a port of this machine, as far as /proc shows it: sockets of everyone, descriptors of the caller's own processes.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { encodeInetAddress } from '#sys/inet.ts'
import { readProcessStat } from '#sys/process.ts'
import { isEveryAddress, type PortMapping } from './mapping.ts'

export interface PortHolder {
  /** whose socket it is, a user id */
  uid: number
  /** absent where the process is another user's, or does not let itself be looked at */
  process?: { pid: number; name: string }
}

/** `undefined` where nobody has it (any more). */
export function findPortHolder(port: PortMapping): PortHolder | undefined {
  const socket = [4, 6].flatMap(version => socketsOf(port, version as 4 | 6))[0]
  if (socket === undefined) return undefined
  const pid = processWith(socket.inode)
  const name = pid === undefined ? undefined : readProcessStat(pid)?.comm
  return { uid: socket.uid, ...(pid !== undefined && name !== undefined && { process: { pid, name } }) }
}

interface SocketEntry {
  uid: number
  inode: string
}

const LISTEN = '0A'

/** Lines of /proc/net/tcp, udp and their like for IPv6 (proc_pid_net(5)) that are in the way. */
function socketsOf({ hostIp, hostPort, protocol }: PortMapping, version: 4 | 6): SocketEntry[] {
  const lines = readLines(`/proc/net/${protocol}${version === 6 ? '6' : ''}`)
  const wanted = hexAddress(hostIp || '0.0.0.0')
  return lines.slice(1).flatMap(line => {
    const [, local = '', , state, , , , uid = '', , inode = ''] = line.trim().split(/\s+/)
    const [address = '', port = ''] = local.split(':')
    if (Number.parseInt(port, 16) !== hostPort || (protocol === 'tcp' && state !== LISTEN)) return []
    const isEvery = /^0+$/.test(address)
    // a socket on :: takes the port of every IPv4 address too, unless it was told otherwise
    const isInTheWay =
      isEvery ||
      address === wanted ||
      (isEveryAddress(hostIp) && (hostIp === '' || version === (hostIp.includes(':') ? 6 : 4)))
    return isInTheWay ? [{ uid: Number(uid), inode }] : []
  })
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return [] // no such protocol in this kernel
  }
}

/** As the kernel prints it: 32-bit words, each as a number of this (little-endian) machine. */
function hexAddress(ip: string): string {
  const bytes = encodeInetAddress({ ip, port: 0 }).subarray(ip.includes(':') ? 8 : 4, ip.includes(':') ? 24 : 8)
  const words = Array.from({ length: bytes.byteLength / 4 }, (_, index) => bytes.readUInt32LE(4 * index))
  return words.map(word => word.toString(16).padStart(8, '0').toUpperCase()).join('')
}

function processWith(inode: string): number | undefined {
  const wanted = `socket:[${inode}]`
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const folder = `/proc/${entry}/fd`
      for (const fd of readdirSync(folder)) if (readlinkSync(`${folder}/${fd}`) === wanted) return Number(entry)
    } catch {
      // another user's, or gone
    }
  }
  return undefined
}
