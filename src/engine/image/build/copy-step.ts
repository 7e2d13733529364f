// COPY, ADD and WORKDIR: what decides their result, and their making by a worker.
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { digestSources } from '#build/context/digest.ts'
import { openRoot } from '#build/context/root.ts'
import type { CopyAction, FolderAction } from '#build/plan/step.ts'
import type { CopyRequest, MadeLayer, WrittenRequest } from '#build/worker/protocol.ts'
import { resolveUser } from '#container/users.ts'
import { TspodError } from '#errors.ts'
import { readChainFile } from '#storage/chain-file.ts'
import { parentOf } from './run-step.ts'
import { type BuildSession, type FileState, writtenOver } from './session.ts'
import { layersRoot, type StageFiles } from './stage-files.ts'

export interface PreparedCopy {
  /** what its result depends on besides the layers below */
  key: unknown
  files: StageFiles
  owner: CopyRequest['owner']
  fetched: CopyRequest['fetched']
  /** of the files of the context, as they were when the key was made */
  fingerprint?: string
}

/** Finds out what would be copied. Downloads what must be; reads files that are not remembered. */
export async function prepareCopy(session: BuildSession, action: CopyAction, state: FileState): Promise<PreparedCopy> {
  const files = await session.filesOf(action.from)
  const owner = ownerOf(session, action, state)
  const { kind, from: _from, chown: _chown, sources, ...rest } = action
  const patterns = sources.flatMap(source => (source.kind === 'path' ? [source.pattern] : []))
  const fetched = await fetchSources(session, action)
  const common = { kind, ...rest, owner, sources: sources.filter(source => source.kind !== 'path') }
  const downloads = Object.values(fetched).map(({ digest, name }) => [name, digest])
  if (files.kind === 'layers')
    return { key: { ...common, patterns, downloads, chain: files.chain.at(-1) ?? '' }, files, owner, fetched }
  using root = openRoot(files.folder)
  const { digest, fingerprint } = digestSources(
    root.number,
    patterns,
    { ignore: files.ignore, exclude: action.exclude, parents: action.parents },
    session.memory,
  )
  return { key: { ...common, patterns: patterns.length, downloads, digest }, files, owner, fetched, fingerprint }
}

/** Copies, in a folder of this build's; `isSame` is false where the files have changed since the key was made. */
export async function performCopy(
  session: BuildSession,
  action: CopyAction,
  state: FileState,
  { files, owner, fetched, fingerprint }: PreparedCopy,
): Promise<{ folder: string; made: MadeLayer; isSame: boolean }> {
  const { folder, request } = await newLayer(session, state, action.link)
  const answer = await session.workers.ask({
    do: 'copy',
    ...request,
    from: await sourceOf(session, files),
    sources: action.sources,
    fetched,
    unpack: action.unpack,
    destination: action.destination,
    owner,
    ...(action.chmod !== undefined && { chmod: action.chmod }),
    parents: action.parents,
    ignore: files.kind === 'folder' ? files.ignore : [],
    exclude: action.exclude,
  })
  if (answer.layer === undefined) throw new TspodError('INTERNAL', 'the worker of the build made no layer')
  const isSame = fingerprint === undefined || fingerprint === answer.fingerprint
  return { folder, made: answer.layer, isSame }
}

/** WORKDIR: nothing where the folder is there already. */
export async function performFolder(
  session: BuildSession,
  { path }: FolderAction,
  state: FileState,
): Promise<{ folder: string; made: MadeLayer | undefined }> {
  const { folder, request } = await newLayer(session, state, false)
  if (request.root === undefined) throw new TspodError('INTERNAL', 'a folder needs a root file system')
  const { layer } = await session.workers.ask({ do: 'folder', ...request, root: request.root, path })
  return { folder, made: layer }
}

/** Nothing lies between such files and the layer that they become. */
const alone = { driver: 'overlay', lower: [] } as const

/** A folder with an empty writable layer, and how it is mounted over the layers; alone where it stands for itself. */
export async function newLayer(
  session: BuildSession,
  state: FileState,
  isAlone: boolean,
): Promise<{ folder: string; request: WrittenRequest & Pick<CopyRequest, 'root'> }> {
  const { driver } = session.storage
  const folder = join(session.scratch, `step-${session.nextFolder()}`)
  mkdirSync(folder, { mode: 0o700 })
  const rootRequest = { chain: isAlone ? [] : state.chain, containerFolder: folder, readOnly: false }
  await driver.prepare(rootRequest)
  if (isAlone) mkdirSync(join(folder, 'upper'), { recursive: true, mode: 0o755 })
  return {
    folder,
    request: {
      folder,
      ...(isAlone ? alone : { root: driver.planRoot(rootRequest), ...writtenOver(session, state.chain) }),
      ...parentOf(state),
      ...(session.times && { times: session.times }),
    },
  }
}

async function sourceOf(session: BuildSession, files: StageFiles): Promise<CopyRequest['from']> {
  if (files.kind === 'folder') return { path: files.folder }
  const plan = await layersRoot(session, files.chain)
  return { path: plan.root, plan }
}

/** Root's, unless --chown says otherwise or the files come from a stage or image, whose owners stay. */
function ownerOf(
  { storage, mode }: BuildSession,
  { chown, from }: CopyAction,
  { chain }: FileState,
): CopyRequest['owner'] {
  if (chown === undefined) return from === undefined ? { uid: 0, gid: 0 } : 'keep'
  const folders = chain.toReversed().map(storage.diffFolder)
  const accounts = { passwd: readChainFile(folders, 'etc/passwd'), group: readChainFile(folders, 'etc/group') }
  // a number alone is the group too (Dockerfile reference, COPY --chown)
  const text = /^\d+$/.test(chown) ? `${chown}:${chown}` : chown
  const { uid, gid } = resolveUser(text, [], accounts)
  if (mode === 'single' && (uid !== 0 || gid !== 0))
    throw new TspodError('UNSUPPORTED', `--chown=${chown}: there is only one id here, root's`, {
      hint: 'an administrator gives you more in /etc/subuid and /etc/subgid',
    })
  return { uid, gid }
}

type Fetched = CopyRequest['fetched'][string] & { digest: string }

async function fetchSources(session: BuildSession, action: CopyAction): Promise<Record<string, Fetched>> {
  const fetched: Record<string, Fetched> = {}
  for (const source of action.sources) {
    if (source.kind === 'url') fetched[source.url] = await fetchUrl(session, source.url, action.checksum)
    else if (source.kind === 'git') fetched[source.url] = await fetchGit(session, source.url, action)
  }
  return fetched
}

async function fetchUrl(session: BuildSession, url: string, checksum: string | undefined): Promise<Fetched> {
  const { open } = await import('node:fs/promises')
  const { openDownload } = await import('#image/download.ts')
  const path = join(session.scratch, `download-${session.nextFolder()}`)
  const hash = createHash('sha256')
  const { chunks, modifiedSeconds } = await openDownload(new URL(url))
  {
    await using file = await open(path, 'wx', 0o600)
    for await (const chunk of chunks) {
      hash.update(chunk)
      await file.writeFile(chunk)
    }
  }
  const digest = `sha256:${hash.digest('hex')}`
  if (checksum !== undefined && checksum !== digest)
    throw new TspodError('INVALID', `downloading "${url}": found the digest ${digest}, wanted ${checksum}`)
  const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '')
  if (name === '')
    throw new TspodError('INVALID', `downloading "${url}": the URL has no name of a file`, {
      hint: 'end the destination with the name it should have',
    })
  return { path, name, digest, ...(modifiedSeconds !== undefined && { modifiedSeconds }) }
}

async function fetchGit(session: BuildSession, url: string, { keepGitDir, checksum }: CopyAction): Promise<Fetched> {
  const { cloneRepository } = await import('./git.ts')
  const folder = join(session.scratch, `git-${session.nextFolder()}`)
  const path = cloneRepository(url, folder, { keepGitDir, ...(checksum !== undefined && { commit: checksum }) })
  using root = openRoot(path)
  const { digest } = digestSources(root.number, [''], { ignore: ['.git'], exclude: [] }, session.memory)
  return { path, name: '', digest }
}
