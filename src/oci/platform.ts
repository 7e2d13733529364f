// Platforms: `linux/arm64/v8`, and which entry of an index fits one (OCI image-spec image-index.md; Go's names). Pure.
import { TspodError } from '#errors.ts'
import { isArrayOf, isNonEmptyString, isObject, isString } from './json-shape.ts'

export interface Platform {
  os: string
  architecture: string
  variant?: string
  'os.version'?: string
  'os.features'?: string[]
}

export const platformShape = isObject(
  { os: isNonEmptyString, architecture: isNonEmptyString },
  { variant: isString, 'os.version': isString, 'os.features': isArrayOf(isString) },
)

/** Other names of an architecture, as uname(2), Debian, Node and people write them. */
const aliases: Record<string, [architecture: string, variant?: string]> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  x64: ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  armv7l: ['arm', 'v7'],
  armv6l: ['arm', 'v6'],
  i386: ['386'],
  i686: ['386'],
  x86: ['386'],
  ia32: ['386'],
  ppc64el: ['ppc64le'],
  loong64: ['loong64'],
  loongarch64: ['loong64'],
}

/** Variants that a processor can run, best first, where it can run more than its own. */
const runsToo: Record<string, readonly (string | undefined)[]> = {
  'amd64/v4': ['v4', 'v3', 'v2', 'v1', undefined],
  'amd64/v3': ['v3', 'v2', 'v1', undefined],
  'amd64/v2': ['v2', 'v1', undefined],
  amd64: [undefined, 'v1'],
  arm64: ['v8', undefined],
  'arm/v8': ['v8', 'v7', 'v6', 'v5', undefined],
  'arm/v7': ['v7', 'v6', 'v5', undefined],
  'arm/v6': ['v6', 'v5', undefined],
  'arm/v5': ['v5', undefined],
}

/** The same platform in Go's names, without the variant that is every such processor's (`amd64/v1`, `arm64/v8`). */
export function normalizePlatform(platform: Platform): Platform {
  const [architecture, impliedVariant] = aliases[platform.architecture.toLowerCase()] ?? [
    platform.architecture.toLowerCase(),
  ]
  const given = platform.variant?.toLowerCase() || impliedVariant
  const plain = given !== undefined && /^\d+$/.test(given) ? `v${given}` : given
  const isImplied = (architecture === 'arm64' && plain === 'v8') || (architecture === 'amd64' && plain === 'v1')
  const variant = isImplied ? undefined : (plain ?? (architecture === 'arm' ? 'v7' : undefined))
  return { os: platform.os.toLowerCase(), architecture, ...(variant === undefined ? {} : { variant }) }
}

/**
 * `os/architecture[/variant]`, or an architecture or an os alone, the rest being the host's (podman-pull(1), --platform).
 * Throws INVALID.
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split('/')
  const [first = '', second, variant] = parts
  if (parts.length > 3 || parts.some(part => !/^[A-Za-z0-9_.-]+$/.test(part)))
    throw new TspodError('INVALID', `platform "${text}" is not of the form os/architecture[/variant]`, {
      hint: 'for example linux/amd64 or linux/arm64/v8',
    })
  if (second !== undefined) return normalizePlatform({ os: first, architecture: second, variant })
  if (/^(linux|windows|darwin|freebsd|solaris)$/i.test(first)) return { ...host, os: first.toLowerCase() }
  return normalizePlatform({ os: host.os, architecture: first })
}

/** `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined || variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`
}

/** How well an image's platform fits a wanted one: 0 is best, `undefined` is not at all. */
export function platformFit(found: Platform, wanted: Platform): number | undefined {
  const have = normalizePlatform(found)
  const want = normalizePlatform(wanted)
  if (have.os !== want.os || have.architecture !== want.architecture) return undefined
  if (have.variant === want.variant) return 0
  const acceptable = runsToo[formatPlatform({ ...want, os: '' }).slice(1)]
  const rank = acceptable?.indexOf(found.variant === undefined || found.variant === '' ? undefined : have.variant) ?? -1
  return rank === -1 ? undefined : rank + 1
}

/** The entry that fits a wanted platform best, the first of equals; `undefined` where none fits. */
export function choosePlatform<T extends { platform?: Platform }>(
  entries: readonly T[],
  wanted: Platform,
): T | undefined {
  let best: T | undefined
  let bestFit = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    const fit = entry.platform === undefined ? undefined : platformFit(entry.platform, wanted)
    if (fit === undefined || fit >= bestFit) continue
    best = entry
    bestFit = fit
  }
  return best
}
