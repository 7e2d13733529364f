import { describe, expect, test } from 'bun:test'
import { type EnvironmentInputs, planEnvironment } from '#container/environment.ts'
import { planArguments, planHostname, planWorkdir } from '#container/process.ts'

function env(request: Partial<EnvironmentInputs['request']>, change: Partial<EnvironmentInputs> = {}) {
  const entries = planEnvironment({
    request: {
      env: [],
      envFiles: [],
      envHost: false,
      envMerge: [],
      unsetEnv: [],
      unsetEnvAll: false,
      httpProxy: false,
      ...request,
    },
    fileEntries: [],
    imageEnv: [],
    defaultEnv: [],
    host: { USER: 'me', SLURM_ID: '1', SLURM_N: '2', http_proxy: 'http://p', NO_PROXY: 'x' },
    hostname: 'h',
    home: '/root',
    ...change,
  })
  const names = entries.map(entry => entry.split('=')[0])
  expect(new Set(names).size).toBe(names.length)
  return Object.fromEntries(
    entries.map(entry => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  )
}
const standard = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  TERM: 'xterm',
  container: 'tspod',
  HOSTNAME: 'h',
  HOME: '/root',
}

describe('planEnvironment()', () => {
  test('has what every container has', () => expect(env({})).toEqual(standard))
  test('later sources win', () => {
    const sources = {
      defaultEnv: ['A=conf', 'B=conf', 'C=conf', 'D=conf'],
      imageEnv: ['B=image', 'C=image', 'D=image'],
    }
    expect(env({ env: ['D=env'] }, { ...sources, fileEntries: ['C=file', 'D=file'] })).toMatchObject({
      A: 'conf',
      B: 'image',
      C: 'file',
      D: 'env',
    })
    expect(env({}, { imageEnv: ['PATH=/x', 'HOME=/h', 'HOSTNAME=z'] })).toMatchObject({
      PATH: '/x',
      HOME: '/h',
      HOSTNAME: 'z',
    })
  })
  test('takes values and globs from the host', () => {
    expect(env({ env: ['USER', 'MISSING', 'SLURM_*', 'EMPTY='] })).toEqual({
      ...standard,
      USER: 'me',
      SLURM_ID: '1',
      SLURM_N: '2',
      EMPTY: '',
    })
    expect(env({ envHost: true })).toMatchObject({ USER: 'me' })
    expect(env({ httpProxy: true })).toMatchObject({ http_proxy: 'http://p', NO_PROXY: 'x' })
  })
  test('unsetting spares what was asked for', () => {
    expect(env({ unsetEnv: ['TERM', 'A'], env: ['A=1'] }, { imageEnv: ['A=0', 'B=0'] })).toMatchObject({
      A: '1',
      B: '0',
    })
    expect(env({ unsetEnv: ['TERM'] }).TERM).toBeUndefined()
    expect(env({ unsetEnvAll: true }, { imageEnv: ['A=0'] })).toEqual({ HOSTNAME: 'h', HOME: '/root' })
  })
  test('--env-merge sees the values before it', () => {
    expect(env({ envMerge: ['PATH=${PATH}:/opt', 'A=$A$A-$NONE'] }, { imageEnv: ['A=x', 'PATH=/bin'] })).toMatchObject({
      PATH: '/bin:/opt',
      A: 'xx-',
    })
  })
  test('refuses what is no entry', () => {
    expect(() => env({ env: ['=x'] })).toThrow('parsing --env "=x"')
    expect(() => env({ env: ['A=\0'] })).toThrow('NUL byte')
  })
})

describe('planArguments()', () => {
  const args = (request: object, image: object = { entrypoint: ['/e', 'x'], command: ['c'] }) =>
    planArguments({ command: [], init: false, ...request }, image)
  test('combines entrypoint and command', () => {
    expect(args({})).toEqual(['/e', 'x', 'c'])
    expect(args({ command: ['a', ''] })).toEqual(['/e', 'x', 'a', ''])
    expect(args({ entrypoint: ['/n'] })).toEqual(['/n'])
    expect(args({ entrypoint: ['/n'], command: ['a'] })).toEqual(['/n', 'a'])
    expect(args({ entrypoint: [''], command: ['a'] })).toEqual(['a'])
    expect(args({ init: true })).toEqual(['/dev/init', '--', '/e', 'x', 'c'])
  })
  test('needs something to run', () => {
    expect(() => args({}, {})).toThrow('no command or entrypoint provided, and no CMD or ENTRYPOINT from image')
    expect(() => args({ entrypoint: [] })).toThrow('no command or entrypoint provided')
  })
})

test('planWorkdir() is absolute and clean', () => {
  expect(planWorkdir({}, {})).toBe('/')
  expect(planWorkdir({}, { workdir: 'srv//app/' })).toBe('/srv/app')
  expect(planWorkdir({ workdir: '/a/../b' }, { workdir: '/x' })).toBe('/b')
  expect(() => planWorkdir({ workdir: 'a' }, {})).toThrow('the working directory "a" is invalid')
})

test('planHostname() belongs to an own UTS namespace', () => {
  const id = 'ab'.repeat(32)
  expect(planHostname(id, { uts: { kind: 'private' } }, {})).toBe('abababababab')
  expect(planHostname(id, { uts: { kind: 'host' } }, {})).toBeUndefined()
  expect(() => planHostname(id, { uts: { kind: 'host' }, hostname: 'x' }, {})).toThrow('cannot set hostname "x"')
  for (const hostname of ['', 'a b', 'a/b', 'x'.repeat(65)])
    expect(() => planHostname(id, { uts: { kind: 'private' }, hostname }, {})).toThrow('is invalid')
})
