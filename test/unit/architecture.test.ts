// The rule of the house: which folder of src/ may import which (docs/internals.md). A row that is wrong is changed here and there.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Folder → the folders it may import from besides itself; `oci`, `errors.ts` and `log.ts` are everyone's. */
const allowed: Record<string, string[]> = {
  oci: [],
  sys: [],
  host: ['sys'],
  config: ['host', 'sys'],
  userns: ['host', 'sys'],
  cgroup: ['userns', 'host', 'sys'],
  network: ['userns', 'host', 'sys'],
  storage: ['userns', 'host', 'sys'],
  runtime: ['cgroup', 'userns', 'host', 'sys'],
  // a container's ports are network's nouns
  container: ['storage', 'network', 'config', 'host', 'sys'],
  // pure: Kubernetes objects to requests, and back
  kube: ['container', 'network'],
  // pure: unit files as text
  systemd: [],
  image: ['storage', 'userns', 'config', 'host', 'sys'],
  monitor: ['runtime', 'container', 'storage', 'network', 'cgroup', 'userns', 'config', 'host', 'sys'],
  build: ['runtime', 'container', 'image', 'storage', 'network', 'cgroup', 'userns', 'config', 'host', 'sys'],
  engine: 'build monitor kube image systemd container runtime storage network cgroup userns config host'.split(' '),
  // the values of run's options are parsed where what they mean is known
  cli: ['engine', 'systemd', 'container', 'network'],
  api: ['engine'],
  // each role has its main below the folder of its subject
  'main.ts': ['cli', 'api', 'monitor', 'engine', 'network'],
  'errors.ts': [],
  'log.ts': [],
}
const everyones = ['oci', 'errors.ts', 'log.ts', 'containers-conf']

/** What only some places may import. */
const reserved: { what: RegExp; where: RegExp }[] = [
  { what: /^#?koffi|^@koromix/, where: /^sys\// },
  { what: /^commander$/, where: /^cli\// },
  {
    what: /^(node:)?child_process$|^execa$/,
    where: /^(host\/run-program|storage\/fuse-overlayfs|config\/credential-helper|image\/foreign-compression)\.ts$/,
  },
  { what: /^bun(:|$)/, where: /^host\/bun\.ts$/ },
]

const src = join(import.meta.dir, '../../src')
const sources = [...new Bun.Glob('**/*.ts').scanSync(src)].toSorted().map(file => ({
  file,
  folder: file.split('/')[0] ?? file,
  text: readFileSync(join(src, file), 'utf8'),
}))
const importPattern =
  /^(?:import|export)\b[^'"`;=]*?\bfrom '([^']+)'|^import '([^']+)'|\b(?:import|require|getBuiltinModule)\('([^']+)'/gm
const imports = sources.flatMap(source =>
  [...source.text.matchAll(importPattern)].map(match => ({ ...source, what: match[1] ?? match[2] ?? match[3] ?? '' })),
)
const said = (found: { file: string; what: string }[]) => found.map(({ file, what }) => `src/${file} imports "${what}"`)

test('imports between folders only go down the floors', () => {
  const wrong = imports.filter(({ folder, what }) => {
    const target = /^#([^/]+)(\/|$)/.exec(what)?.[1]
    if (target === undefined || target === folder || target === 'koffi-native' || everyones.includes(target))
      return false
    return folder === 'oci' || !allowed[folder]?.includes(target)
  })
  expect(imports.length).toBeGreaterThan(100)
  expect(said(wrong)).toEqual([])
})

test('every folder of src/ has a row in the table', () => {
  const unknown = sources.map(({ folder }) => folder).filter(folder => allowed[folder] === undefined)
  expect([...new Set(unknown)]).toEqual([])
})

test('imports are written #folder/file.ts across folders and ./file.ts inside one', () => {
  expect(said(imports.filter(({ what }) => what.startsWith('..')))).toEqual([])
})

test('what is reserved to a few places is imported nowhere else', () => {
  const isWrong = (file: string, what: string) => reserved.some(rule => rule.what.test(what) && !rule.where.test(file))
  expect(said(imports.filter(({ file, what }) => isWrong(file, what)))).toEqual([])
})

test('oci is pure: no node modules', () => {
  expect(said(imports.filter(({ folder, what }) => folder === 'oci' && !/^(\.|#oci\/|#errors)/.test(what)))).toEqual([])
})

test('nothing is exported by default', () => {
  expect(sources.filter(({ text }) => /^export default\b/m.test(text)).map(({ file }) => file)).toEqual([])
})
