// What the caller of the engine fixed for this whole process (the options before the verb); set once, before any verb.

export interface EngineSettings {
  /** `--root`: the store (graphRoot), absolute */
  root?: string
  /** `--runroot`, absolute */
  runRoot?: string
  storageDriver?: string
  /** `--storage-opt`, as typed: `overlay.mount_program=/usr/bin/fuse-overlayfs` */
  storageOptions: string[]
  cgroupManager?: 'systemd' | 'cgroupfs' | 'none'
  eventsBackend?: 'file' | 'none'
  /** `--network-cmd-path`: the program that connects a container to the outside */
  networkCommandPath?: string
  hooksDirs: string[]
  /** `--tmpdir`: where downloads and archives are staged, absolute */
  tmpDir?: string
  /** `--volumepath`, absolute */
  volumePath?: string
}

let settings: Readonly<EngineSettings> = Object.freeze({ storageOptions: [], hooksDirs: [] })

/** Fixes the settings of this process; call it before the first verb. */
export function useEngineSettings(chosen: EngineSettings): void {
  settings = Object.freeze({ ...chosen })
}

/** The settings that `useEngineSettings` fixed; without it, everything is left to the configuration files. */
export function engineSettings(): Readonly<EngineSettings> {
  return settings
}
