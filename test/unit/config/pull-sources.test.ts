import { expect, test } from 'bun:test'
import { resolvePullSources, resolveShortName, shortNameRepositories } from '#config/pull-sources.ts'
import { addRegistriesFile, defaultRegistries, type Registries } from '#config/registries.ts'
import { parseToml } from '#config/toml.ts'
import { formatReference, parseReference } from '#oci/reference.ts'

async function read(...texts: string[]): Promise<Registries> {
  const registries: Registries = { ...defaultRegistries, rules: [], aliases: new Map(), files: [] }
  for (const [index, text] of texts.entries())
    addRegistriesFile(registries, await parseToml(text, `f${index}`), `f${index}`)
  return registries
}

const endpoints = (name: string, registries: Registries) =>
  resolvePullSources(parseReference(name), registries).map(
    ({ reference, insecure, isMirror }) =>
      `${formatReference(reference)}${insecure ? ' insecure' : ''}${isMirror ? ' mirror' : ''}`,
  )

test('the file that documents the defaults says what they are', async () => {
  const text = await Bun.file(new URL('../../../containers-conf/registries.conf', import.meta.url)).text()
  const { files: _files, ...read_ } = await read(text)
  const { files: _none, ...defaults } = defaultRegistries
  expect(read_).toEqual(defaults)
})

test('mirrors come first, then the location, and the rule with the longest prefix decides', async () => {
  const registries = await read(`
    [[registry]]
    prefix = "example.com/foo"
    location = "internal.example.net/bar"
    [[registry.mirror]]
    location = "m0.local/mirror-for-foo"
    [[registry.mirror]]
    location = "m1.local/mirrors/foo"
    insecure = true
    [[registry]]
    location = "example.com"
    insecure = true`)
  expect(endpoints('example.com/foo/image:1', registries)).toEqual([
    'm0.local/mirror-for-foo/image:1 mirror',
    'm1.local/mirrors/foo/image:1 insecure mirror',
    'internal.example.net/bar/image:1',
  ])
  expect(endpoints('example.com/foobar:1', registries)).toEqual(['example.com/foobar:1 insecure'])
  expect(endpoints('example.com/foo:1', registries).at(-1)).toBe('internal.example.net/bar:1')
  expect(endpoints('example.com:5000/foo:1', registries)).toEqual(['example.com:5000/foo:1'])
  expect(endpoints('other.org/x', registries)).toEqual(['other.org/x'])
})

test('mirrors serve tags, digests or both, as they say', async () => {
  const mirror = (location: string, from: string) =>
    `[[registry.mirror]]\nlocation = "${location}"\npull-from-mirror = "${from}"\n`
  const registries = await read(
    `[[registry]]\nprefix = "r.io"\nlocation = "r.io"\n${mirror('d.io', 'digest-only')}${mirror('t.io', 'tag-only')}${mirror('a.io', 'all')}`,
  )
  const digest = `@sha256:${'b'.repeat(64)}`
  expect(endpoints('r.io/x:1', registries)).toEqual(['t.io/x:1 mirror', 'a.io/x:1 mirror', 'r.io/x:1'])
  expect(endpoints(`r.io/x${digest}`, registries)).toEqual([
    `d.io/x${digest} mirror`,
    `a.io/x${digest} mirror`,
    `r.io/x${digest}`,
  ])
})

test('a wildcard stands for subdomains only, and rewrites nothing without a location', async () => {
  const registries = await read(
    '[[registry]]\nprefix = "*.example.com"\nblocked = true',
    '[[registry]]\nprefix = "*.a.example.com"\ninsecure = true',
  )
  expect(endpoints('x.a.example.com:5000/i', registries)).toEqual(['x.a.example.com:5000/i insecure'])
  expect(() => endpoints('b.example.com/i', registries)).toThrow('registry "*.example.com" is blocked in "f0"')
  expect(endpoints('example.com/i', registries)).toEqual(['example.com/i'])
  expect(endpoints('badexample.com/i', registries)).toEqual(['badexample.com/i'])
})

test('short names: an alias, else the search list; a later file wins', async () => {
  const registries = await read(
    'unqualified-search-registries = ["one.io"]\n[aliases]\n"tool" = "q.io/team/tool"\n"gone" = "q.io/gone"',
    'unqualified-search-registries = ["docker.io", "two.io"]\n[aliases]\ngone = ""',
  )
  const names = (text: string) => resolveShortName(text, registries).map(formatReference)
  expect(names('tool:2')).toEqual(['q.io/team/tool:2'])
  expect(names('gone')).toEqual(['docker.io/library/gone', 'two.io/gone'])
  expect(names('h.io/x')).toEqual(['h.io/x'])
  expect(shortNameRepositories('tool', registries)).toEqual([
    'q.io/team/tool',
    'localhost/tool',
    'docker.io/library/tool',
    'two.io/tool',
    'docker.io/library/tool',
  ])
  expect(() => resolveShortName('x', { ...registries, shortNameMode: 'enforcing' })).toThrow('docker.io, two.io')
  expect(() => resolveShortName('x', { ...registries, search: [] })).toThrow('no alias')
})

test('what is wrong in a file is named with its place', async () => {
  const cases: [string, string][] = [
    ['[registries.search]\nregistries = ["x"]', 'version 1'],
    ['[[registry]]\ninsecure = "yes"', '"f0".registry[0].insecure is "yes", must be true or false'],
    ['[[registry]]\ninsecure = true', 'neither prefix nor location'],
    ['[[registry]]\nprefix = "a.*.com"', 'wildcard'],
    ['[[registry]]\nlocation = "https://x.io"', 'scheme'],
    ['short-name-mode = "strict"', 'one of'],
    [
      '[[registry]]\nlocation = "x.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m"\npull-from-mirror = "all"',
      'cannot be set beside',
    ],
  ]
  for (const [text, why] of cases) expect(read(text)).rejects.toThrow(why)
  await Promise.resolve()
})
