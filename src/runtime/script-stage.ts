// For --explain under `auto` and `nomap`: process 1 may not even walk its caller's home, so whatever it binds is bound first, by who may,
// where everybody may walk. (The real thing hands over open mounts instead: no command does that.)
import type { MountSpec, RuntimeSpec } from '#oci/runtime-spec.ts'
import { quoted } from './plan/paths.ts'
import type { ScriptFacts } from './script.ts'

/** Folders of every machine, empty as a rule; they are covered in the script's own mount namespace alone. */
const places = ['/mnt', '/media', '/srv', '/opt']
/** Where the way is open to everybody. */
const open = /^\/(dev|proc|sys)(\/|$)/

export interface Stage {
  /** The same container, with paths of the stage. */
  facts: ScriptFacts
  /** What makes the stage, once the root file system is mounted. */
  lines: string[]
}

/** `undefined` where the container's root stands for the caller, and may go where he may. */
export function planStage(facts: ScriptFacts): Stage | undefined {
  const { spec, root, folder } = facts
  if (!isStranger(spec)) return undefined
  const sources = [...new Set(bindsOf(spec).map(({ source = '' }) => source))].filter(source => !open.test(source))
  const taken = [...sources, folder, root.path]
  const place = places.find(each => !taken.some(path => path === each || path.startsWith(`${each}/`))) ?? '/mnt'
  const moved = new Map([
    [root.path, `${place}/root`],
    ...sources.map((path, index) => [path, `${place}/${index}`] as const),
  ])
  const staged = `${place}/container.sh`
  const lines = [
    "# the container's root may not walk your folders: what it needs is bound where everybody may",
    `mount -t tmpfs -o mode=0755 tmpfs ${place}`,
    ...[...moved].map(([from, to]) => {
      const make = from === root.path || facts.isFolder(from) ? 'mkdir' : 'touch'
      return `${make} ${to}; mount --rbind ${quoted(from)} ${to}`
    }),
    `cp ${quoted(`${folder}/container.sh`)} ${staged}`,
  ]
  const origin = new Map([...moved].map(([from, to]) => [to, from]))
  return {
    lines,
    facts: {
      ...facts,
      spec: {
        ...spec,
        mounts: (spec.mounts ?? []).map(mount => ({ ...mount, ...(isBind(mount) && moveSource(mount, moved)) })),
      },
      root: { ...root, path: `${place}/root` },
      folder: place,
      isFolder: path => facts.isFolder(origin.get(path) ?? path),
    },
  }
}

/** Nobody in the container is the caller, who is user 0 and group 0 of the namespace above. */
function isStranger({ linux = {} }: RuntimeSpec): boolean {
  const hasOwn = (linux.namespaces ?? []).some(({ type, path }) => type === 'user' && path === undefined)
  const mapsCaller = (maps: typeof linux.uidMappings = []) => maps.some(({ hostID }) => hostID === 0)
  return hasOwn && !(mapsCaller(linux.uidMappings) && mapsCaller(linux.gidMappings))
}

function bindsOf({ mounts = [] }: RuntimeSpec): MountSpec[] {
  return mounts.filter(isBind)
}

function isBind({ type, options = [] }: MountSpec): boolean {
  return type === 'bind' || options.includes('bind') || options.includes('rbind')
}

function moveSource({ source = '' }: MountSpec, moved: ReadonlyMap<string, string>): { source: string } {
  return { source: moved.get(source) ?? source }
}
