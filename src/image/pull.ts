// `pull`, and what `run` and `create` do where their image is missing: from a name to an image in the store. Host namespaces.
import type { CredentialOptions } from '#config/auth.ts'
import { checkPolicy, type Demand, dockerScopes, openPolicy } from '#config/policy.ts'
import { type PullSource, resolvePullSources, resolveShortName } from '#config/pull-sources.ts'
import { openRegistries, type Registries } from '#config/registries.ts'
import { during, type ErrorCode, TspodError } from '#errors.ts'
import type { Digest } from '#oci/digest.ts'
import { type Platform, parsePlatform, platformFit } from '#oci/platform.ts'
import { formatReference, parseTypedName, type Reference, repositoryName, withDefaultTag } from '#oci/reference.ts'
import type { LayerStore } from '#storage/layers.ts'
import { checkBudget } from './budget.ts'
import type { FoundImage } from './lookup.ts'
import type { OnProgress } from './progress.ts'
import { receiveImage } from './receive.ts'
import { RegistrySource } from './registry/registry-source.ts'
import { defaultRetry } from './registry/retry.ts'
import { isSourceFault } from './source.ts'
import type { ImageStore } from './store.ts'
import type { StoredImage } from './stored-image.ts'

export type PullPolicy = 'always' | 'missing' | 'never' | 'newer'

export interface PullImageOptions extends Pick<CredentialOptions, 'credentials' | 'authFile'> {
  policy: PullPolicy
  /** what this machine runs */
  host: Platform
  /** as typed: `linux/arm64/v8` */
  platform?: string
  certDir?: string
  /** absent: what registries.conf says */
  tlsVerify?: boolean
  retries?: number
  retryDelayMs?: number
  /** bytes that may be fetched and unpacked; more is refused before any of it comes */
  budgetBytes?: number
  /** layers at a time; 3 where absent */
  parallel?: number
  onProgress?: OnProgress
  signal?: AbortSignal
}

export interface PullOutcome {
  image: StoredImage
  /** the full name; the id where the image was named by its id */
  name: string
  /** false where the image that was there serves */
  isFetched: boolean
}

interface PullContext {
  store: ImageStore
  layers: LayerStore
  registries: Registries
  options: PullImageOptions
  platform: Platform
  signal: AbortSignal
  onProgress: OnProgress
}

/**
 * Makes an image of this name be in the store, as the policy says. Throws NOT_FOUND, DENIED … with every endpoint that was
 * tried and its reason; the abort signal's reason when that stops it.
 */
export async function pullImage(
  store: ImageStore,
  layers: LayerStore,
  text: string,
  options: PullImageOptions,
): Promise<PullOutcome> {
  const typed = withoutTransport(text)
  const platform = options.platform === undefined ? options.host : parsePlatform(options.platform, options.host)
  const local = await findLocal(store, typed, options.platform === undefined ? undefined : platform)
  const { policy } = options
  if (local !== undefined && (policy === 'missing' || policy === 'never')) return asOutcome(local)
  if (policy === 'never')
    throw new TspodError('NOT_FOUND', `${typed}: image not known`, {
      hint: `it is not on this machine, and pulling was ruled out; "tspod pull ${typed}" gets it`,
    })
  const context = await openContext(store, layers, options, platform)
  try {
    return await fetchImage(context, typed, policy === 'newer' ? local : undefined)
  } catch (error) {
    context.signal.throwIfAborted()
    if (policy !== 'newer' || local === undefined || !isSourceFault(error)) throw error
    context.onProgress({ kind: 'note', text: `using the image that is here: ${messageOf(error)}` })
    return asOutcome(local)
  }
}

/** Every tag of a repository as full names, for `pull --all-tags`. Throws INVALID where the name has a tag already. */
export async function listRemoteNames(
  store: ImageStore,
  layers: LayerStore,
  text: string,
  options: PullImageOptions,
): Promise<string[]> {
  const typed = withoutTransport(text)
  const { tag, digest } = parseTypedName(typed)
  if (tag !== undefined || digest !== undefined)
    throw new TspodError('INVALID', `pulling all tags of "${typed}": the name must have neither tag nor digest`)
  const context = await openContext(store, layers, options, options.host)
  const failures = new Failures()
  for (const reference of resolveShortName(typed, context.registries))
    for (const source of resolvePullSources({ ...reference, tag: 'latest' }, context.registries)) {
      try {
        await using registry = openSource(source, context)
        return (await registry.listTags()).map(tag => formatReference({ ...reference, tag }))
      } catch (error) {
        failures.add(error, source, context)
      }
    }
  throw failures.asError(`listing the tags of "${typed}"`)
}

async function openContext(
  store: ImageStore,
  layers: LayerStore,
  options: PullImageOptions,
  platform: Platform,
): Promise<PullContext> {
  return {
    store,
    layers,
    options,
    platform,
    registries: await openRegistries(),
    signal: options.signal ?? new AbortController().signal,
    onProgress: options.onProgress ?? (() => undefined),
  }
}

/** Tries every endpoint of every name that the text may stand for, until one has the image. */
async function fetchImage(context: PullContext, typed: string, local: FoundImage | undefined): Promise<PullOutcome> {
  const policy = openPolicy()
  const failures = new Failures()
  for (const candidate of resolveShortName(typed, context.registries)) {
    const { tag: _tag, ...byDigest } = candidate
    const reference = candidate.digest === undefined ? withDefaultTag(candidate) : byDigest
    const name = formatReference(reference)
    const demand = checkPolicy(policy, 'docker', dockerScopes(reference), name)
    for (const source of resolvePullSources(reference, context.registries)) {
      const endpoint = formatReference(source.reference)
      context.onProgress({ kind: 'trying', reference: name, ...(endpoint === name ? {} : { endpoint }) })
      try {
        return await fetchFrom(source, { reference, demand }, context, local)
      } catch (error) {
        failures.add(error, source, context)
      }
    }
  }
  throw failures.asError(`pulling "${typed}"`)
}

async function fetchFrom(
  source: PullSource,
  { reference, demand }: { reference: Reference; demand: Demand },
  context: PullContext,
  local: FoundImage | undefined,
): Promise<PullOutcome> {
  const { store, layers, options, platform, signal, onProgress } = context
  const name = formatReference(reference)
  await using registry = openSource(source, context)
  if (local?.name === name) {
    const digest = await registry.headDigest()
    if (digest !== undefined && local.image.repoDigests.some(each => each.endsWith(`@${digest}`)))
      return asOutcome(local)
  }
  const image = await receiveImage(registry, {
    store,
    layers,
    names: [name],
    platform,
    isPlatformWanted: options.platform !== undefined,
    parallel: options.parallel ?? 3,
    onProgress,
    signal,
    async approve({ digests, manifest }) {
      if (demand.signatures.length > 0) await verify(demand, reference, digests, registry)
      if (options.budgetBytes !== undefined) await checkBudget(manifest, options.budgetBytes, { name, store, layers })
    },
  })
  return { image, name, isFetched: true }
}

async function verify(demand: Demand, reference: Reference, digests: Digest[], source: RegistrySource): Promise<void> {
  const { verifySignatures } = await import('./signature/verify.ts')
  const { signaturePlace } = await import('./signature/place.ts')
  await verifySignatures(demand, reference, digests, signaturePlace(source))
}

function openSource({ reference, insecure }: PullSource, context: PullContext): RegistrySource {
  const { options, registries, signal, onProgress } = context
  const { tlsVerify, certDir, credentials, authFile, retries, retryDelayMs } = options
  return new RegistrySource(reference, {
    insecure: tlsVerify === undefined ? insecure : !tlsVerify,
    certDir,
    async findCredentials() {
      const { findCredentials } = await import('#config/auth.ts')
      return await findCredentials(repositoryName(reference), {
        credentials,
        authFile,
        helpers: registries.credentialHelpers,
      })
    },
    retry: { retries: retries ?? defaultRetry.retries, delayMs: retryDelayMs ?? defaultRetry.delayMs },
    onNote: text => onProgress({ kind: 'note', text }),
    signal,
  })
}

/** A local image of another platform than the one asked for does not count. */
async function findLocal(
  store: ImageStore,
  text: string,
  wanted: Platform | undefined,
): Promise<FoundImage | undefined> {
  const found = await store.find(text)
  return found === undefined || wanted === undefined || platformFit(found.image, wanted) !== undefined
    ? found
    : undefined
}

function asOutcome({ image, name }: FoundImage): PullOutcome {
  return { image, name: name ?? image.id, isFetched: false }
}

/** `docker://` may be written; the other places images come from have verbs of their own. */
function withoutTransport(text: string): string {
  if (text.startsWith('docker://')) return text.slice('docker://'.length)
  const transport = /^(docker-archive|oci-archive|oci|dir|docker-daemon|containers-storage|ostree|sif):/.exec(text)?.[1]
  if (transport === undefined || !/^[a-z-]+:[./]/.test(text)) return text
  throw new TspodError('UNSUPPORTED', `pulling "${text}": images come from registries only, not from ${transport}:`, {
    hint: '"tspod load -i FILE" reads docker and OCI archives and folders',
  })
}

/** What every endpoint said. Failures of this machine (a full disk) end the search at once: another endpoint would not help. */
class Failures {
  readonly #list: { source: PullSource; error: Error }[] = []

  add(error: unknown, source: PullSource, { signal, onProgress }: PullContext): void {
    signal.throwIfAborted()
    if (!isSourceFault(error) || !(error instanceof Error)) throw error
    this.#list.push({ source, error })
    if (source.isMirror)
      onProgress({ kind: 'note', text: `mirror "${source.reference.registry}" given up: ${error.message}` })
  }

  asError(doing: string): TspodError {
    const [only, ...more] = this.#list
    if (only === undefined) return new TspodError('NOT_FOUND', `${doing}: there is no endpoint to ask`)
    if (more.length === 0) return during(doing, only.error)
    const last = this.#list.at(-1)?.error
    const code: ErrorCode = last instanceof TspodError ? last.code : 'INTERNAL'
    const said = this.#list.map(({ source, error }) => `${formatReference(source.reference)}: ${error.message}`)
    const hint = last instanceof TspodError ? last.hint : undefined
    return new TspodError(code, `${doing}: no endpoint has it: ${said.join('; ')}`, { hint, cause: last })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
