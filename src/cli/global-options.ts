// The options that stand before (or after) any verb, and what they fix for this process.
import { resolve } from 'node:path'
import { useEngineSettings } from '#engine/settings.ts'
import { type LogLevel, setLogLevel } from '#log.ts'
import { choice, flag, list, refused, text, type Values } from './option.ts'

const remote = 'tspod has no service to connect to'
const runtime = 'containers are run by tspod itself'

const levels: Record<string, LogLevel> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  fatal: 'error',
  panic: 'error',
}

export const globalOptions = {
  cgroupManager: choice(['systemd', 'cgroupfs', 'none'], 'Who makes control groups'),
  eventsBackend: choice(['file', 'none'], 'Where events are recorded'),
  hooksDir: list('folder', 'Folder with OCI hooks; may be repeated', { completes: 'folders' }),
  logLevel: choice(Object.keys(levels), 'Write messages of this level and above'),
  networkCmdPath: text('path', 'Program that connects containers to the outside', { completes: 'files' }),
  root: text('folder', 'Folder of the store: images, containers, volumes', { completes: 'folders' }),
  runroot: text('folder', 'Folder of sockets, which may vanish at any time', { completes: 'folders' }),
  storageDriver: text('name', 'Storage driver: overlay, fuse-overlayfs or copy'),
  storageOpt: list('key=value', 'Option for the storage driver; may be repeated'),
  tmpdir: text('folder', 'Folder for files on their way', { completes: 'folders' }),
  volumepath: text('folder', 'Folder that holds the data of volumes', { completes: 'folders' }),
  version: flag('Print the version', { short: 'v' }),
  conmon: refused('path', 'there is no conmon: every container is watched by tspod itself'),
  connection: refused('name', remote, { short: 'c' }),
  identity: refused('path', remote),
  namespace: refused('name', 'separate views of one store are not there; use another --root'),
  networkConfigDir: refused('folder', 'networks are kept in the store; --root names it'),
  noout: refused('', 'redirect standard output instead'),
  remote: refused('', remote, { short: 'r', harmless: ['false'] }),
  runtime: refused('path', runtime),
  runtimeFlag: refused('flag', runtime),
  ssh: refused('mode', remote),
  syslog: refused('', 'messages go to standard error only', { harmless: ['false'] }),
  url: refused('url', remote),
}

/** Applies the global options of the whole line; call it before the first verb of the engine. */
export function applyGlobals(values: Values<typeof globalOptions>): void {
  const level = levels[values.logLevel ?? process.env['TSPOD_LOG'] ?? '']
  if (level !== undefined) setLogLevel(level)
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(path))
  useEngineSettings({
    root: absolute(values.root),
    runRoot: absolute(values.runroot),
    storageDriver: values.storageDriver,
    storageOptions: values.storageOpt ?? [],
    cgroupManager: values.cgroupManager,
    eventsBackend: values.eventsBackend,
    networkCommandPath: absolute(values.networkCmdPath),
    hooksDirs: (values.hooksDir ?? []).map(path => resolve(path)),
    tmpDir: absolute(values.tmpdir),
    volumePath: absolute(values.volumepath),
  })
}
