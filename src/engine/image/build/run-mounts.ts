// `RUN --mount`: where each mount's files come from, and what of it decides the step's cache key.
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { digestSources } from '#build/context/digest.ts'
import { openRoot } from '#build/context/root.ts'
import type { RunMount } from '#build/parse/run-mount.ts'
import type { RunAction } from '#build/plan/step.ts'
import type { RecordedMount } from '#container/record.ts'
import type { SecretRequest } from '#engine/contracts/build.ts'
import { during, TspodError } from '#errors.ts'
import { giveInside } from '#storage/inside-owner.ts'
import { cacheMount } from './cache-mount.ts'
import { insideContext } from './inside-context.ts'
import type { BuildSession } from './session.ts'
import type { StageFiles } from './stage-files.ts'

export interface RunMounts extends AsyncDisposable {
  recorded: RecordedMount[]
  /** `NAME=value` of secrets and agents */
  env: string[]
}

/** Opens what they need: folders of the store, locks, files with secrets. Disposing takes away what was made. */
export async function openRunMounts(session: BuildSession, action: RunAction, folder: string): Promise<RunMounts> {
  await using stack = new AsyncDisposableStack()
  const recorded: RecordedMount[] = []
  const env: string[] = []
  for (const [index, mount] of action.mounts.entries()) {
    const opened = await openMount(session, mount, join(folder, `mount-${index}`), stack)
    if (opened.recorded !== undefined) recorded.push(opened.recorded)
    env.push(...(opened.env ?? []))
  }
  const kept = stack.move()
  return { recorded, env, [Symbol.asyncDispose]: async () => await kept.disposeAsync() }
}

type Opened = { recorded?: RecordedMount; env?: string[] }

async function openMount(
  session: BuildSession,
  mount: RunMount,
  place: string,
  stack: AsyncDisposableStack,
): Promise<Opened> {
  switch (mount.type) {
    case 'tmpfs':
      return {
        recorded: {
          type: 'tmpfs',
          source: 'tmpfs',
          destination: mount.target,
          readWrite: true,
          options: ['nosuid', 'nodev', 'rw', ...(mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`])],
        },
      }
    case 'bind':
      return { recorded: await bindMount(session, mount, place) }
    case 'cache':
      return { recorded: await cacheMount(session, mount, stack) }
    case 'secret':
      return await secretMount(session, mount, place, stack)
    case 'ssh':
      return sshMount(session, mount)
  }
}

const bindOptions = (readWrite: boolean): string[] => ['rbind', 'rprivate', readWrite ? 'rw' : 'ro']

async function bindMount(
  session: BuildSession,
  mount: Extract<RunMount, { type: 'bind' }>,
  place: string,
): Promise<RecordedMount> {
  const { target, source, from, readWrite } = mount
  const files = await session.filesOf(from)
  if (files.kind === 'layers') return layersMount(files, target, source, readWrite)
  const path = insideContext(files.folder, source)
  if (!statSync(path).isDirectory()) {
    // what is written goes with the step, and never reaches the context
    if (readWrite) copyFileSync(path, place)
    const options = ['bind', 'rprivate', readWrite ? 'rw' : 'ro']
    return { type: 'bind', source: readWrite ? place : path, destination: target, readWrite, options }
  }
  return {
    type: 'bind',
    source: path,
    destination: target,
    readWrite,
    options: bindOptions(readWrite),
    ...(readWrite && { overlay: 'scratch' as const }),
  }
}

function layersMount(
  files: Extract<StageFiles, { kind: 'layers' }>,
  target: string,
  source: string,
  readWrite: boolean,
): RecordedMount {
  const subpath = posix.normalize(`/${source}`).slice(1)
  const layer = files.chain.at(-1)
  if (layer === undefined) throw new TspodError('INVALID', `--mount=type=bind: "${files.name}" has no files`)
  return {
    type: 'image',
    source: files.name,
    destination: target,
    readWrite,
    options: bindOptions(readWrite),
    layer,
    ...(subpath !== '' && { subpath }),
  }
}

async function secretMount(
  session: BuildSession,
  mount: Extract<RunMount, { type: 'secret' }>,
  place: string,
  stack: AsyncDisposableStack,
): Promise<Opened> {
  const secret = session.request.secrets.find(({ id }) => id === mount.id)
  if (secret === undefined) {
    if (!mount.required) return {}
    throw new TspodError('NOT_FOUND', `--mount=type=secret,id=${mount.id}: the secret was not given`, {
      hint: `pass it with --secret id=${mount.id},src=FILE`,
    })
  }
  const content = readSecret(secret)
  const env = mount.env === undefined ? [] : [`${mount.env}=${content.toString('utf8')}`]
  if (mount.target === undefined) return { env }
  // in memory where this machine has a folder there, never in the store
  const file = join(session.privateFolder('secrets'), place.split('/').slice(-2).join('-'))
  writeFileSync(file, content, { mode: 0o600 })
  stack.defer(() => rmSync(file, { force: true }))
  await giveInside(() => session.engine.namespace(), file, mount.uid, mount.gid, mount.mode)
  const options = ['bind', 'rprivate', 'ro', 'nosuid', 'nodev', 'noexec']
  return { env, recorded: { type: 'bind', source: file, destination: mount.target, readWrite: false, options } }
}

export function readSecret({ id, path, env }: SecretRequest): Buffer {
  if (env !== undefined) return Buffer.from(process.env[env] ?? '')
  try {
    return readFileSync(path ?? id)
  } catch (error) {
    throw during(`reading the secret "${id}"`, error)
  }
}

let agents = 0

function sshMount({ agents: sockets }: BuildSession, mount: Extract<RunMount, { type: 'ssh' }>): Opened {
  const socket = sockets.get(mount.id)
  if (socket === undefined) {
    if (!mount.required) return {}
    throw new TspodError('NOT_FOUND', `--mount=type=ssh,id=${mount.id}: no agent was given`, {
      hint: `start ssh-agent and pass --ssh ${mount.id}, or name a key: --ssh ${mount.id}=FILE`,
    })
  }
  const target = mount.target ?? `/run/buildkit/ssh_agent.${agents++}`
  return {
    env: [`SSH_AUTH_SOCK=${target}`],
    recorded: { type: 'bind', source: socket, destination: target, readWrite: true, options: ['bind', 'rprivate'] },
  }
}

/** What of a step's mounts its result depends on: files of binds by content; caches, secrets and agents by their names alone. */
export async function mountsKey(session: BuildSession, mounts: readonly RunMount[]): Promise<unknown[]> {
  const keys: unknown[] = []
  for (const mount of mounts) {
    if (mount.type !== 'bind') {
      keys.push(mount)
      continue
    }
    const files = await session.filesOf(mount.from)
    keys.push({
      ...mount,
      from: undefined,
      files: files.kind === 'layers' ? files.chain.at(-1) : contextKey(session, files, mount.source),
    })
  }
  return keys
}

function contextKey(
  { memory }: BuildSession,
  { folder, ignore }: Extract<StageFiles, { kind: 'folder' }>,
  source: string,
): string {
  using root = openRoot(folder)
  return digestSources(root.number, [source], { ignore, exclude: [] }, memory).digest
}
