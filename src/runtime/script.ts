// What servants would do for a container, as shell commands that a person can type (`--explain`). Pure: it only writes the plan down.
import { log } from '#log.ts'
import type { HooksSpec, ProcessSpec, RuntimeSpec } from '#oci/runtime-spec.ts'
import { AT_REMOVEDIR, MS_BIND } from '#sys/flags.ts'
import type { Argument, Call } from '#sys/servant/batch.ts'
import type { IdMapping, IdMappings } from '#userns/id-mapping.ts'
import { type CreatePlan, planCreate } from './plan/create.ts'
import { maskText } from './plan/mask-steps.ts'
import { formatMappings } from './plan/namespaces.ts'
import { quoted } from './plan/paths.ts'
import { type ProcessFacts, planExecve, planIdentitySteps, planSurroundings } from './plan/process-steps.ts'
import type { MountProgram, RootSetup } from './root-setup.ts'
import { planStage, type Stage } from './script-stage.ts'
import type { Step } from './step.ts'

export interface ScriptFacts {
  spec: RuntimeSpec
  root: RootSetup
  /** For root as the caller: on the host, who the root of root's containers is. */
  mappedRoot?: { uid: number; gid: number }
  /** The user's namespace. */
  mode: 'full' | 'single'
  mappings: IdMappings
  process: ProcessFacts
  isFolder(source: string): boolean
  /** The image has a setpriv(1) that can drop capabilities: nobody else can, once the root has changed. */
  hasSetpriv: boolean
  /** The network helper's words, for a process whose number is in `$holder`. */
  helper: readonly string[] | undefined
  /** The container's folder: scripts go there. */
  folder: string
  /** Folders of volumes to be filled from the image. */
  fills: readonly { destination: string; folder: string }[]
}

/** All lines; `files` are those that make the container's folder. The whole is a script for bash. */
export function writeScript(facts: ScriptFacts, files: readonly string[]): string[] {
  const { folder } = facts
  const stage = planStage(facts)
  const inside = stage?.facts ?? facts
  const plan = planCreate(inside.spec, inside.root.path, {
    terminalSocket: undefined,
    isFolder: source => inside.isFolder(source),
  })
  const namespaceScript = `${folder}/namespace.sh`
  const containerScript = `${folder}/container.sh`
  const fileLines = [
    ...files,
    ...heredoc(containerScript, 'CONTAINER', containerLines(inside, plan)),
    ...heredoc(namespaceScript, 'NAMESPACE', namespaceLines(facts, plan, stage)),
  ]
  const lines =
    facts.mappedRoot === undefined
      ? linesForUser(facts, fileLines, namespaceScript)
      : linesForRoot(facts.mappedRoot, facts, fileLines, namespaceScript)
  return [
    '#!/bin/bash',
    '# What tspod does for this container, as commands of a shell: type them, or save them and run them with bash.',
    'set -e',
    `export C=${quoted(folder)}`,
    '',
    ...lines.map(line => (quoted(folder) === folder ? line.replaceAll(folder, '$C') : line)),
  ]
}

function linesForUser({ mode, mappings }: ScriptFacts, files: readonly string[], script: string): string[] {
  return [
    '# 1. files',
    ...files,
    '',
    '# 2. your own user namespace, in which you are root; then the commands of namespace.sh, in mounts of their own',
    'unshare --user sleep infinity & owner=$!',
    awaitNamespace('user', 'owner'),
    ...outerMapLines(mode, mappings),
    "trap 'kill $owner' EXIT",
    `nsenter --user=/proc/$owner/ns/user --preserve-credentials unshare --mount --propagation slave bash ${quoted(script)}`,
  ]
}

/** The root of root's containers is another user, and what they are made of is his. */
function linesForRoot(
  { uid, gid }: NonNullable<ScriptFacts['mappedRoot']>,
  { mappings }: ScriptFacts,
  files: readonly string[],
  script: string,
): string[] {
  return [
    `# 1. the user namespace of root's containers: their root is user ${uid} of this machine`,
    `setpriv --reuid ${uid} --regid ${gid} --clear-groups unshare --user sleep infinity & owner=$!`,
    awaitNamespace('user', 'owner'),
    "trap 'kill $owner' EXIT",
    ...(['gid', 'uid'] as const).map(kind => `printf '${mapText(mappings[kind])}\\n' > /proc/$owner/${kind}_map`),
    'inside() { nsenter --user=/proc/$owner/ns/user --setuid 0 --setgid 0 "$@"; }',
    '',
    '# 2. files, and then the commands of namespace.sh, in mounts of their own',
    "inside bash <<'FILES'",
    'set -e',
    ...files,
    'FILES',
    `inside unshare --mount --propagation slave bash ${quoted(script)}`,
  ]
}

function mapText(extents: readonly IdMapping[]): string {
  return extents.map(({ insideId, outsideId, count }) => `${insideId} ${outsideId} ${count}`).join('\\n')
}

function heredoc(path: string, mark: string, lines: readonly string[]): string[] {
  return [`cat > ${quoted(path)} <<'${mark}'`, ...lines, mark]
}

/** A process in the background needs a moment until it is where it should be. */
function awaitNamespace(kind: string, variable: string): string {
  return `until [ "$(readlink /proc/$${variable}/ns/${kind})" != "$(readlink /proc/$$/ns/${kind})" ]; do sleep 0.01; done`
}

function outerMapLines(mode: ScriptFacts['mode'], { uid, gid }: IdMappings): string[] {
  const words = (extents: readonly IdMapping[]) =>
    extents.map(({ insideId, outsideId, count }) => `${insideId} ${outsideId} ${count}`).join(' ')
  if (mode === 'full') return [`newuidmap $owner ${words(uid)}`, `newgidmap $owner ${words(gid)}`]
  return [
    'echo deny > /proc/$owner/setgroups',
    `echo '${words(gid)}' > /proc/$owner/gid_map`,
    `echo '${words(uid)}' > /proc/$owner/uid_map`,
  ]
}

/** In the user's namespace, as its root: the root file system, and the container's own namespaces. */
function namespaceLines(
  { spec, root, helper, fills, folder }: ScriptFacts,
  plan: CreatePlan,
  stage: Stage | undefined,
): string[] {
  const { namespaces } = plan
  const linux = spec.linux ?? {}
  const own = new Set((linux.namespaces ?? []).filter(({ path }) => path === undefined).map(({ type }) => type))
  const held = [...(own.has('user') ? ['user'] : []), ...(own.has('network') ? ['net'] : [])]
  const hasJobs = held.length > 0 || root.stages.some(({ program }) => program !== undefined)
  const lines = [
    'set -e',
    ...(hasJobs ? ["trap 'kill $(jobs -p)' EXIT"] : []),
    '# the root file system',
    ...root.stages.flatMap(({ calls, program, shell }) => [
      ...(shell === undefined ? calls.map(renderCall) : [shell]),
      ...(program === undefined ? [] : programLines(program)),
    ]),
    ...fills.map(({ destination, folder: volume }) => {
      const source = quoted(root.path + destination)
      return `[ ! -d ${source} ] || cp -a ${source}/. ${quoted(volume)} # a new volume`
    }),
    ...(stage?.lines ?? []),
  ]
  const joins = namespaces.join.map(({ type, path }) => ` --${nsenterNames[type]}=${quoted(path)}`).join('')
  if (joins !== '') lines.push('# namespaces of others', `join() { nsenter${joins} --preserve-credentials "$@"; }`)
  const prefix = joins === '' ? '' : 'join '
  if (held.length > 0) {
    lines.push(
      `# the container's own ${held.map(kind => (kind === 'net' ? 'network' : kind)).join(' and ')} namespace, held by a process that sleeps`,
      `${prefix}unshare ${held.map(kind => `--${kind}`).join(' ')} sleep infinity & holder=$!`,
      awaitNamespace(held[0] ?? 'net', 'holder'),
    )
    if (own.has('user')) lines.push(...innerMapLines(spec))
  }
  if (helper !== undefined) lines.push(`${helper.map(each => (each === '$holder' ? each : quoted(each))).join(' ')} &`)
  const enter = held.map(kind => `--${kind}=/proc/$holder/ns/${kind}`)
  const enterText = enter.length === 0 ? prefix : `nsenter ${enter.join(' ')} `
  lines.push(
    '# the other namespaces, and process 1 in them',
    `${enterText}unshare ${unshareWords(spec).join(' ')} bash ${quoted(`${stage?.facts.folder ?? folder}/container.sh`)}`,
  )
  return lines
}

/** It serves for as long as the script runs. */
function programLines({ path, argv, readyWhenMounted }: MountProgram): string[] {
  return [
    `${[path, ...argv.slice(1)].map(quoted).join(' ')} &`,
    `until mountpoint -q ${quoted(readyWhenMounted)}; do sleep 0.01; done`,
  ]
}

const nsenterNames = {
  user: 'user',
  mount: 'mount',
  pid: 'pid',
  network: 'net',
  ipc: 'ipc',
  uts: 'uts',
  cgroup: 'cgroup',
  time: 'time',
} as const

function innerMapLines({ linux = {} }: RuntimeSpec): string[] {
  const { uidMappings = [], gidMappings = [] } = linux
  const text = (maps: typeof uidMappings) => formatMappings(maps).trimEnd().replaceAll('\n', '\\n')
  return [
    `cat > /proc/$holder/gid_map <<< $'${text(gidMappings)}'`,
    `cat > /proc/$holder/uid_map <<< $'${text(uidMappings)}'`,
  ]
}

function unshareWords({ linux = {} }: RuntimeSpec): string[] {
  const words = ['--mount', '--propagation', 'unchanged']
  for (const { type, path } of linux.namespaces ?? []) {
    if (path !== undefined || type === 'user' || type === 'network' || type === 'mount') continue
    words.push(`--${type}`, ...(type === 'pid' ? ['--fork', '--kill-child'] : []))
    if (type === 'time')
      for (const [clock, { secs = 0 }] of Object.entries(linux.timeOffsets ?? {}))
        words.push(`--${clock}`, String(secs))
  }
  return words
}

/** In the container's namespaces: mounts beneath its root, the change of root, its program. */
function containerLines(facts: ScriptFacts, plan: CreatePlan): string[] {
  const { spec } = facts
  const { process } = plan
  const surroundings = planSurroundings(process, 3)
  const limits = surroundings.filter(({ shell }) => shell.startsWith('prlimit '))
  const labels = surroundings.filter(step => !limits.includes(step))
  const identity = planIdentitySteps(process, spec.linux ?? {}, facts.process)
  return [
    'set -e',
    ...shells(plan.init),
    ...plan.masks.map(maskText),
    ...shells(limits),
    ...hookLines(spec.hooks),
    '# from here on there are only the files of the container, and what bash does itself',
    ...shells(plan.enter),
    ...shells(identity),
    ...environmentLines(process),
    ...privilegeLines(facts, process),
    ...(spec.linux?.seccomp === undefined ? [] : ['# tspod now installs the system call filter: no command can']),
    ...shells(labels),
    executeLine(facts, process),
  ]
}

function shells(steps: readonly Step[]): string[] {
  return steps.map(({ shell }) => shell).filter(shell => shell !== '')
}

function hookLines(hooks: HooksSpec = {}): string[] {
  return Object.entries(hooks).flatMap(([stage, list]) =>
    (list ?? []).map(
      ({ path, args = [] }: { path: string; args?: string[] }) =>
        `# hook ${stage}: ${[path, ...args.slice(1)].map(quoted).join(' ')}`,
    ),
  )
}

function environmentLines({ env = [] }: ProcessSpec): string[] {
  return ['unset $(compgen -e)', ...env.map(entry => `export ${quoted(entry)}`)]
}

/** What is said instead of done where the image has no program for it. */
function privilegeLines({ hasSetpriv }: ScriptFacts, process: ProcessSpec): string[] {
  if (hasSetpriv) return []
  return [
    '# tspod now gives up what follows; the image has no setpriv that could:',
    `# ${setprivWords(process).map(quoted).join(' ')}`,
  ]
}

function executeLine({ hasSetpriv }: ScriptFacts, process: ProcessSpec): string {
  const { shell } = planExecve(process)
  return hasSetpriv ? shell.replace(/^exec /, `exec ${setprivWords(process).map(quoted).join(' ')} -- `) : shell
}

/** setpriv(1) of util-linux. */
function setprivWords({ user, capabilities = {}, noNewPrivileges }: ProcessSpec): string[] {
  const set = (names: readonly string[] = []) =>
    ['-all', ...names.map(name => `+${name.slice('CAP_'.length).toLowerCase()}`)].join(',')
  const groups = user.additionalGids ?? []
  return [
    'setpriv',
    '--bounding-set',
    set(capabilities.bounding),
    '--inh-caps',
    set(capabilities.inheritable),
    ...(groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups']),
    '--regid',
    String(user.gid),
    '--reuid',
    String(user.uid),
    ...(noNewPrivileges === true ? ['--no-new-privs'] : []),
  ]
}

/** One call of those that mount a root file system. */
function renderCall({ name, args }: Call): string {
  const [first = null, second = null, third = null, flags = 0, data = null] = args
  if (name === 'chdir') return `cd ${word(first)}`
  if (name === 'unlinkat') return `rm -f${third === AT_REMOVEDIR ? 'd' : ''} ${word(second)}`
  if (name === 'fchownat') return `chown -h ${word(third)}:${word(flags)} ${word(second)}`
  if (name === 'mount' && Number(flags) === MS_BIND) return `mount --bind ${word(first)} ${word(second)}`
  if (name === 'mount') {
    const options = typeof data === 'string' && data !== '' ? ` -o ${quoted(data)}` : ''
    return `mount -t ${word(third)}${options} ${word(first)} ${word(second)}`
  }
  log.debug(`${name} has no command`)
  return `# ${name} ${args.map(word).join(' ')}`
}

function word(argument: Argument): string {
  return typeof argument === 'string' ? quoted(argument) : JSON.stringify(argument)
}
