// How the verbs that write to registries reach them: endpoint and trust from registries.conf, credentials, retries.
import { resolvePullSources } from '#config/pull-sources.ts'
import { openRegistries } from '#config/registries.ts'
import type { OnProgress, RegistryOptions } from '#engine/contracts/image.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { defaultRetry } from '#image/registry/retry.ts'
import type { SessionOptions } from '#image/registry/session.ts'
import { type Reference, repositoryName } from '#oci/reference.ts'

export interface RegistryAccess {
  /** the place that is really asked */
  reference: Reference
  options: Omit<SessionOptions, 'registry'>
}

/** The registry itself: mirrors are for reading. */
export async function registryAccess(
  { config }: Pick<Engine, 'config'>,
  reference: Reference,
  given: RegistryOptions & { onProgress?: OnProgress; signal?: AbortSignal },
): Promise<RegistryAccess> {
  const registries = await openRegistries()
  const own = resolvePullSources(reference, registries).at(-1)
  if (own === undefined) throw new TspodError('INTERNAL', `there is no endpoint for ${repositoryName(reference)}`)
  const { authFile, credentials, certDir, tlsVerify, retries, retryDelayMs, onProgress, signal } = given
  return {
    reference: own.reference,
    options: {
      insecure: tlsVerify === undefined ? own.insecure : !tlsVerify,
      certDir,
      async findCredentials() {
        const { findCredentials } = await import('#config/auth.ts')
        const helpers = registries.credentialHelpers
        return await findCredentials(repositoryName(own.reference), { credentials, authFile, helpers })
      },
      retry: { retries: retries ?? config.engine.retry, delayMs: retryDelayMs ?? defaultRetry.delayMs },
      onNote: text => onProgress?.({ kind: 'note', text }),
      signal: signal ?? new AbortController().signal,
    },
  }
}
