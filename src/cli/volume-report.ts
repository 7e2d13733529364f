// A volume as `volume ls` and `volume inspect` tell of it. Pure.
import type { VolumeSummary } from '#engine/contracts/volume.ts'

export const volumeReport = {
  fields: 'Name Driver Mountpoint CreatedAt Labels Scope Options UID GID Anonymous MountCount'.split(' '),
  headings: { Name: 'VOLUME NAME' },
}

/** Podman's JSON of a volume. */
export function volumeJson(volume: VolumeSummary): Record<string, unknown> {
  return {
    Name: volume.name,
    Driver: volume.driver,
    Mountpoint: volume.mountpoint,
    CreatedAt: new Date(volume.createdMs).toISOString(),
    Labels: volume.labels,
    Scope: volume.scope,
    Options: volume.options,
    UID: volume.uid,
    GID: volume.gid,
    Anonymous: volume.anonymous,
    MountCount: volume.mountCount,
  }
}
