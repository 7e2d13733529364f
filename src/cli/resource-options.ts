// Options that limit what a container uses: of run and create, and of update.
import type { ResourceOptions } from '#container/options/resources.ts'
import { integer, list, text, type Values } from './option.ts'

export const resourceOptions = {
  blkioWeight: integer('Share of block devices, 10 to 1000; 0 for the usual one'),
  blkioWeightDevice: list('device:weight', 'Share of one block device'),
  cpuPeriod: integer('Length of a period of --cpu-quota, in microseconds (default 100000)'),
  cpuQuota: integer('Processor time in each period, in microseconds; 0 or -1 for no limit', -1),
  cpuShares: integer('Share of processors, 2 to 262144 (usually 1024)', 0, { short: 'c' }),
  cpus: text('number', 'How many processors it may use, such as 0.5'),
  cpusetCpus: text('list', 'Processors it may use, such as 0-3,8'),
  cpusetMems: text('list', 'Memory nodes it may use'),
  deviceReadBps: list('device:rate', 'Bytes a second it may read from a device, such as /dev/sda:1mb'),
  deviceReadIops: list('device:rate', 'Reads a second from a device'),
  deviceWriteBps: list('device:rate', 'Bytes a second it may write to a device'),
  deviceWriteIops: list('device:rate', 'Writes a second to a device'),
  memory: text('size', 'Memory it may use, such as 512m; beyond it, a process is killed', { short: 'm' }),
  memoryReservation: text('size', 'Memory that is left to it when the machine runs short'),
  memorySwap: text('size', 'Memory and swap together; -1 for no limit (default twice --memory)'),
  pidsLimit: integer('How many processes it may have; -1 for no limit (default 2048)', -1),
}

/** What they ask for, as typed. */
export function resourcesOf(values: Values<typeof resourceOptions>): ResourceOptions {
  return Object.fromEntries(
    Object.keys(resourceOptions).map(key => [key, values[key as keyof typeof resourceOptions]]),
  ) as ResourceOptions
}
