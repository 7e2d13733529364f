// Looking for images on a registry: docker's search of index names (/v1/search) where it is spoken, else the catalog that
// distribution's registries keep (/v2/_catalog). Host namespaces.
import { TspodError } from '#errors.ts'
import { SourceError } from '#image/source.ts'
import { parseJson } from '#oci/manifest.ts'
import { RegistrySession, type SessionOptions } from './session.ts'

export interface SearchHit {
  /** `docker.io` */
  registry: string
  /** `library/alpine` */
  repository: string
  description: string
  stars: number
  official: boolean
  automated: boolean
}

const longestAnswerBytes = 16 << 20
const mostPages = 100

/** Repositories whose names have the term in them, at most `limit`; those of docker.io in its own order. */
export async function searchRegistry(term: string, limit: number, options: SessionOptions): Promise<SearchHit[]> {
  const { registry } = options
  const isHub = registry === 'docker.io'
  const session = new RegistrySession({ ...options, registry: isHub ? 'index.docker.io' : registry })
  const hits = term === '' ? undefined : await indexSearch(session, registry, term, limit)
  if (hits !== undefined || isHub) return hits ?? []
  return await catalogSearch(session, registry, term, limit)
}

/** `undefined` where the registry does not speak it. */
async function indexSearch(
  session: RegistrySession,
  registry: string,
  term: string,
  limit: number,
): Promise<SearchHit[] | undefined> {
  const doing = `searching "${registry}" for "${term}"`
  const query = new URLSearchParams({ q: term, n: String(limit) }).toString()
  const response = await session.request({
    method: 'GET',
    path: `/v1/search?${query}`,
    headers: { Accept: 'application/json' },
    alsoGood: [400, 401, 403, 404, 405, 410],
    scope: '',
    doing,
  })
  if (response.status !== 200 || !/json/.test(response.headers.get('content-type') ?? '')) {
    await response.discard()
    return undefined
  }
  const answer = parseJson(new TextDecoder().decode(await response.bytes(longestAnswerBytes)), doing) as {
    results?: unknown
  } | null
  if (!Array.isArray(answer?.results)) throw new SourceError('INVALID', `${doing}: the answer has no list "results"`)
  return (answer.results as Record<string, unknown>[]).slice(0, limit).map(result => ({
    registry,
    repository: withLibrary(registry, textOf(result.name)),
    description: textOf(result.description),
    stars: typeof result.star_count === 'number' ? result.star_count : 0,
    official: result.is_official === true,
    automated: result.is_automated === true,
  }))
}

async function catalogSearch(
  session: RegistrySession,
  registry: string,
  term: string,
  limit: number,
): Promise<SearchHit[]> {
  const doing = `searching "${registry}" for "${term}"`
  const hits: SearchHit[] = []
  let path: string | undefined = '/v2/_catalog?n=1000'
  for (let page = 0; path !== undefined && page < mostPages && hits.length < limit; page++) {
    const response = await session.request({ method: 'GET', path, headers: {}, scope: 'registry:catalog:*', doing })
    const text = new TextDecoder().decode(await response.bytes(longestAnswerBytes))
    const { repositories } = parseJson(text, doing) as { repositories?: unknown }
    for (const name of Array.isArray(repositories) ? repositories : [])
      if (typeof name === 'string' && name.includes(term))
        hits.push({ registry, repository: name, description: '', stars: 0, official: false, automated: false })
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1]
    path = next === undefined ? undefined : new URL(next, response.url).href
    if (path !== undefined && new URL(path).origin !== response.url.origin)
      throw new TspodError('INVALID', `${doing}: the catalog goes on at ${new URL(path).host}`)
  }
  return hits.slice(0, limit)
}

function withLibrary(registry: string, name: string): string {
  return registry === 'docker.io' && !name.includes('/') ? `library/${name}` : name
}

/** A registry's words go to a terminal: no control characters. */
function textOf(value: unknown): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return typeof value === 'string' ? value.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim() : ''
}
