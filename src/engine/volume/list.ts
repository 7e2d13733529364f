// volume ls.

import { hasLabel, patternOf } from '#engine/container/filter.ts'
import type { VolumeFilter, VolumeSummary } from '#engine/contracts/volume.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { listVolumeRecords, type VolumeRecord, volumeData, volumeMount } from '#storage/volumes.ts'
import { volumePlace } from './place.ts'
import { containersByVolume } from './users.ts'

/** The verb: by name. Filters with the same key: any; different keys and labels: all (podman-volume-ls(1)). */
export async function listVolumes(filters: VolumeFilter[]): Promise<VolumeSummary[]> {
  const engine = await openEngine()
  const users = containersByVolume(engine)
  const all = listVolumeRecords(volumePlace(engine)).map(record =>
    summaryOf(engine, record, users.get(record.name)?.length ?? 0),
  )
  return filterVolumes(all, filters)
}

/** The volumes that match. */
export function filterVolumes(volumes: readonly VolumeSummary[], filters: readonly VolumeFilter[]): VolumeSummary[] {
  const groups = new Map<string, ((volume: VolumeSummary) => boolean)[]>()
  for (const [index, filter] of filters.entries()) {
    const group = filter.key === 'label' ? `label ${index}` : filter.key
    groups.set(group, [...(groups.get(group) ?? []), testOf(filter)])
  }
  return volumes.filter(volume => [...groups.values()].every(tests => tests.some(test => test(volume))))
}

function testOf(filter: VolumeFilter): (volume: VolumeSummary) => boolean {
  switch (filter.key) {
    case 'label':
      return ({ labels }) => hasLabel(labels, filter)
    case 'name': {
      const pattern = patternOf('name', filter.value)
      return ({ name }) => pattern.test(name)
    }
    case 'driver':
      return ({ driver }) => driver === filter.value
    case 'scope':
      return ({ scope }) => scope === filter.value
    case 'opt': {
      const [key = '', value] = filter.value.split(/=(.*)/s)
      return ({ options }) => Object.hasOwn(options, key) && (value === undefined || options[key] === value)
    }
    case 'dangling':
      return ({ mountCount }) => (mountCount === 0) === filter.value
    case 'until':
      return ({ createdMs }) => createdMs < filter.atMs
    case 'since':
      return ({ createdMs }) => createdMs > filter.atMs
  }
}

function summaryOf(engine: Engine, record: VolumeRecord, mountCount: number): VolumeSummary {
  const { name, driver, createdMs, labels, options, uid, gid, anonymous } = record
  const mount = volumeMount(record)
  const mountpoint = mount.kind === 'bind' ? mount.device : volumeData(volumePlace(engine), name)
  return { name, driver, mountpoint, createdMs, labels, options, scope: 'local', uid, gid, anonymous, mountCount }
}
