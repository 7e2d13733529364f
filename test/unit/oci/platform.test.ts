import { expect, test } from 'bun:test'
import { choosePlatform, formatPlatform, normalizePlatform, parsePlatform, platformFit } from '#oci/platform.ts'

const host = { os: 'linux', architecture: 'amd64' }

test('parsePlatform() takes what people write', () => {
  const written = [
    'linux/arm64/v8',
    'linux/aarch64',
    'arm64',
    'linux/x86_64',
    'linux',
    'linux/arm/7',
    'armhf',
    'linux/arm',
  ]
  expect(written.map(text => formatPlatform(parsePlatform(text, host)))).toEqual([
    'linux/arm64',
    'linux/arm64',
    'linux/arm64',
    'linux/amd64',
    'linux/amd64',
    'linux/arm/v7',
    'linux/arm/v7',
    'linux/arm/v7',
  ])
  for (const text of ['', 'a/b/c/d', 'linux/', 'linux/a b']) expect(() => parsePlatform(text, host)).toThrow('platform')
})

test('an index entry is chosen by the best variant that the processor runs', () => {
  const of = (...names: string[]) => names.map(name => ({ name, platform: { ...toPlatform(name) } }))
  const toPlatform = (name: string) => {
    const [os = '', architecture = '', variant] = name.split('/')
    return { os, architecture, variant }
  }
  const choose = (wanted: string, ...names: string[]) => choosePlatform(of(...names), toPlatform(wanted))?.name
  expect(choose('linux/arm/v7', 'linux/arm/v5', 'linux/arm/v6', 'linux/arm64/v8')).toBe('linux/arm/v6')
  expect(choose('linux/arm/v6', 'linux/arm/v7', 'linux/arm/v5')).toBe('linux/arm/v5')
  expect(choose('linux/arm64', 'linux/amd64', 'linux/arm64/v8')).toBe('linux/arm64/v8')
  expect(choose('linux/amd64', 'linux/amd64/v3', 'unknown/unknown')).toBeUndefined()
  expect(choose('linux/amd64/v3', 'linux/amd64', 'linux/amd64/v2')).toBe('linux/amd64/v2')
  expect(choose('windows/amd64', 'linux/amd64')).toBeUndefined()
  expect(choosePlatform([{ name: 'no platform' } as { platform?: never }], host)).toBeUndefined()
})

test('names of one platform are equal, whoever wrote them', () => {
  expect(
    platformFit({ os: 'Linux', architecture: 'AARCH64' }, { os: 'linux', architecture: 'arm64', variant: 'v8' }),
  ).toBe(0)
  expect(normalizePlatform({ os: 'linux', architecture: 'arm', variant: '' })).toEqual({
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
  })
})
