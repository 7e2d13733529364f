// How the verbs that write to registries reach them: endpoint and trust from registries.conf, credentials, retries.
import { type PullSource, resolvePullSources } from '#config/pull-sources.ts'
import { openRegistries } from '#config/registries.ts'
import type { OnProgress, RegistryOptions } from '#engine/contracts/image.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { RegistrySource } from '#image/registry/registry-source.ts'
import { defaultRetry } from '#image/registry/retry.ts'
import type { SessionOptions } from '#image/registry/session.ts'
import { isSourceFault, type ManifestBytes } from '#image/source.ts'
import { type Reference, repositoryName } from '#oci/reference.ts'

export interface RegistryAccess {
  /** the place that is really asked */
  reference: Reference
  options: Omit<SessionOptions, 'registry'>
}

/** An image at a registry, or the first of its mirrors that has it, with its manifest or index. Throws what the last one said. */
export async function openRemote(
  engine: Pick<Engine, 'config'>,
  reference: Reference,
  given: RegistryOptions & { onProgress?: OnProgress; signal?: AbortSignal },
): Promise<{ source: RegistrySource; top: ManifestBytes }> {
  let failure: unknown
  for (const place of resolvePullSources(reference, await openRegistries())) {
    const { reference: at, options } = await accessTo(engine, place, given)
    const source = new RegistrySource(at, options)
    try {
      return { source, top: await source.openManifest() }
    } catch (error) {
      options.signal.throwIfAborted()
      if (!isSourceFault(error)) throw error
      failure = error
    }
  }
  throw failure
}

/** The registry itself: mirrors are for reading. */
export async function registryAccess(
  engine: Pick<Engine, 'config'>,
  reference: Reference,
  given: RegistryOptions & { onProgress?: OnProgress; signal?: AbortSignal },
): Promise<RegistryAccess> {
  const own = resolvePullSources(reference, await openRegistries()).at(-1)
  if (own === undefined) throw new TspodError('INTERNAL', `there is no endpoint for ${repositoryName(reference)}`)
  return await accessTo(engine, own, given)
}

async function accessTo(
  { config }: Pick<Engine, 'config'>,
  { reference, insecure }: PullSource,
  given: RegistryOptions & { onProgress?: OnProgress; signal?: AbortSignal },
): Promise<RegistryAccess> {
  const { credentialHelpers: helpers } = await openRegistries()
  const { authFile, credentials, certDir, tlsVerify, retries, retryDelayMs, onProgress, signal } = given
  return {
    reference,
    options: {
      insecure: tlsVerify === undefined ? insecure : !tlsVerify,
      certDir,
      async findCredentials() {
        const { findCredentials } = await import('#config/auth.ts')
        return await findCredentials(repositoryName(reference), { credentials, authFile, helpers })
      },
      retry: { retries: retries ?? config.engine.retry, delayMs: retryDelayMs ?? defaultRetry.delayMs },
      onNote: text => onProgress?.({ kind: 'note', text }),
      signal: signal ?? new AbortController().signal,
    },
  }
}
