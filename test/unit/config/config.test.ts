import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cachedParse } from '#config/cache.ts'
import { applyEngineEnvironment, openConfig } from '#config/config.ts'
import { readRemembered, remember } from '#config/settings.ts'
import { readStorageFile } from '#config/storage.ts'
import { parseToml } from '#config/toml.ts'
import { hostUser } from '#host/user.ts'

const root = mkdtempSync(join(tmpdir(), 'config-'))
const before = { ...process.env }
let home: string

function write(path: string, text: string): string {
  const full = join(home, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, text)
  return full
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return (error as Error).message
  }
  return 'was accepted'
}

beforeEach(() => {
  home = mkdtempSync(join(root, 'home-'))
  for (const name of Object.keys(process.env)) if (/^(CONTAINERS_|XDG_|STORAGE_)/.test(name)) delete process.env[name]
  Object.assign(process.env, {
    HOME: home,
    CONTAINERS_CONF: write('empty.conf', ''),
    CONTAINERS_STORAGE_CONF: write('empty-storage.conf', ''),
  })
})
afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  rmSync(root, { recursive: true })
})

describe('openConfig()', () => {
  test('CONTAINERS_CONF_OVERRIDE wins over CONTAINERS_CONF, and the options before the verb over both', async () => {
    process.env.CONTAINERS_CONF = write(
      'a.conf',
      '[containers]\ntz="a"\numask="0077"\n[engine]\ncgroup_manager="systemd"',
    )
    process.env.CONTAINERS_CONF_OVERRIDE = write('b.conf', '[containers]\ntz="b"\n')
    const config = await openConfig({ cgroupManager: 'cgroupfs' })
    expect(config.containers.tz).toBe('b')
    expect(config.containers.umask).toBe('0077')
    expect(config.engine.cgroupManager).toBe('cgroupfs')
    expect(config.files).toEqual([join(home, 'a.conf'), join(home, 'b.conf'), join(home, 'empty-storage.conf')])
  })

  test('a file that the environment names must exist', async () => {
    process.env.CONTAINERS_CONF = join(home, 'nowhere.conf')
    expect(await failureOf(openConfig())).toContain('the file that CONTAINERS_CONF names: ')
  })

  test('is frozen through and through', async () => {
    const config = await openConfig()
    expect(() => Object.assign(config.containers, { tz: 'x' })).toThrow()
    expect(() => (config.containers.env as string[]).push('x')).toThrow()
  })

  test('a changed file is seen at once, though its content is cached', async () => {
    process.env.CONTAINERS_CONF = write('c.conf', '[containers]\ntz="one"')
    expect((await openConfig()).containers.tz).toBe('one')
    expect((await openConfig()).containers.tz).toBe('one')
    write('c.conf', '[containers]\ntz="two"')
    expect((await openConfig()).containers.tz).toBe('two')
  })

  test.skipIf(process.getuid?.() === 0)(
    'user files lie over each other: containers.conf, then drop-ins by name',
    async () => {
      delete process.env.CONTAINERS_CONF
      write('.config/containers/containers.conf', '[containers]\ntz="main"\numask="0001"')
      write('.config/containers/containers.conf.d/20-b.conf', '[containers]\ntz="late"')
      write('.config/containers/containers.conf.d/10-a.conf', '[containers]\ntz="early"')
      write('.config/containers/containers.conf.d/30-c.txt', '[containers]\ntz="not a conf file"')
      const config = await openConfig()
      expect(config.containers.tz).toBe('late')
      expect(config.containers.umask).toBe('0001')
    },
  )

  test('--root and --runroot are taken as they are', async () => {
    const { storage } = await openConfig({ root: '/somewhere/store', runRoot: '/somewhere/run' })
    expect(storage.graphRoot).toBe('/somewhere/store')
    expect(storage.runRoot).toEqual({ path: '/somewhere/run', kind: 'configured' })
  })

  test('the storage driver: option, STORAGE_DRIVER, file, in this order', async () => {
    process.env.CONTAINERS_STORAGE_CONF = write('s.conf', '[storage]\ndriver="vfs"')
    expect((await openConfig()).storage.driver).toBe('copy')
    process.env.STORAGE_DRIVER = 'fuse-overlayfs'
    expect((await openConfig()).storage.driver).toBe('fuse-overlayfs')
    expect((await openConfig({ storageDriver: 'overlay' })).storage.driver).toBe('overlay')
    const message = await failureOf(openConfig({ storageDriver: 'btrfs' }))
    expect(message).toContain('"btrfs": must be overlay, fuse-overlayfs or vfs')
  })

  test("another engine's driver in a file leaves the choice to tspod", async () => {
    process.env.CONTAINERS_STORAGE_CONF = write('s.conf', '[storage]\ndriver="btrfs"')
    expect((await openConfig()).storage.driver).toBeUndefined()
  })

  test('a mount program, in a file or with --storage-opt, means fuse-overlayfs', async () => {
    const text = '[storage]\ndriver="overlay"\n[storage.options.overlay]\nmount_program="/opt/fuse-overlayfs"'
    process.env.CONTAINERS_STORAGE_CONF = write('s.conf', text)
    expect((await openConfig()).storage).toMatchObject({
      driver: 'fuse-overlayfs',
      mountProgram: '/opt/fuse-overlayfs',
    })
    const { storage } = await openConfig({ storageOptions: ['overlay.mount_program=/other'] })
    expect(storage.mountProgram).toBe('/other')
    const message = await failureOf(openConfig({ storageOptions: ['overlay.size=1g'] }))
    expect(message).toContain('parsing --storage-opt "overlay.size=1g"')
  })
})

describe('readStorageFile()', () => {
  const user = { ...hostUser(), uid: 1000, isRoot: false }
  const rootUser = { ...hostUser(), uid: 0, isRoot: true }
  const text = '[storage]\ngraphroot="/data/$UID/c"\nrunroot="/run/x"\nrootless_storage_path="${HOME}/c/$UID"'

  test("keeps tspod's store apart from the other engines' in a folder they share", async () => {
    const content = await parseToml('[storage]\ngraphroot="/data/c"\nrunroot="/run/tspod"', 's')
    const file = readStorageFile({ path: 's', scope: 'user' }, content, user)
    expect(file).toMatchObject({ graphRoot: '/data/c/tspod', runRoot: '/run/tspod' })
  })

  test("a user follows only rootless_storage_path of the system's file", async () => {
    const content = await parseToml(text, 's')
    const file = readStorageFile({ path: 's', scope: 'system' }, content, user)
    expect(file).toMatchObject({ graphRoot: `${home}/c/1000/tspod`, runRoot: undefined })
  })

  test('root follows graphroot, but not the stock places of other engines', async () => {
    const content = await parseToml(text, 's')
    expect(readStorageFile({ path: 's', scope: 'system' }, content, rootUser).graphRoot).toBe('/data/0/c/tspod')
    const stock = await parseToml('[storage]\ngraphroot="/var/lib/containers/storage"', 's')
    expect(readStorageFile({ path: 's', scope: 'system' }, stock, rootUser).graphRoot).toBeUndefined()
  })

  test('refuses a relative path and wrong types', async () => {
    const relative = await parseToml('[storage]\ngraphroot="c"', 's')
    expect(() => readStorageFile({ path: 's', scope: 'user' }, relative, user)).toThrow(
      'storage.graphroot is "c", must be',
    )
    const number = await parseToml('[storage]\ndriver=3', 's')
    expect(() => readStorageFile({ path: 's', scope: 'user' }, number, user)).toThrow('storage.driver is 3, must be')
    const noTable = await parseToml('storage="x"', 's')
    expect(() => readStorageFile({ path: 's', scope: 'user' }, noTable, user)).toThrow(
      'storage is "x", must be a table',
    )
  })
})

test.skipIf(process.getuid?.() === 0)(
  'the cache is used while the files stay the same, never one that others could write',
  async () => {
    const file = write('d.conf', 'x')
    let parses = 0
    const parse = async () => ({ tables: { n: ++parses } as never, storage: {} })
    await cachedParse([file], parse)
    await cachedParse([file], parse)
    expect(parses).toBe(1)
    const cache = join(home, '.cache/tspod/config.json')
    writeFileSync(cache, readFileSync(cache).subarray(0, 20))
    await cachedParse([file], parse)
    expect(parses).toBe(2)
    Bun.spawnSync(['chmod', '666', cache])
    await cachedParse([file], parse)
    expect(parses).toBe(3)
    expect(statSync(cache).mode & 0o777).toBe(0o600)
  },
)

test('applyEngineEnvironment() sets what is not set', async () => {
  process.env.TSPOD_TEST_SET = 'mine'
  process.env.CONTAINERS_CONF = write('e.conf', '[engine]\nenv=["TSPOD_TEST_SET=file", "TSPOD_TEST_NEW=a=b", "odd"]')
  applyEngineEnvironment(await openConfig())
  expect(process.env.TSPOD_TEST_SET).toBe('mine')
  expect(process.env.TSPOD_TEST_NEW).toBe('a=b')
})

describe('remember() and readRemembered()', () => {
  test('keep several facts', async () => {
    const folder = join(home, 'state')
    expect(readRemembered(folder)).toEqual({})
    expect(await remember('rootIds', { start: 5, count: 6 }, folder)).toBe(true)
    expect(await remember('storageDriver', { '6.1 ext4 /a.b': { driver: 'overlay', reasons: [] } }, folder)).toBe(true)
    expect(readRemembered(folder)).toEqual({
      rootIds: { start: 5, count: 6 },
      storageDriver: { '6.1 ext4 /a.b': { driver: 'overlay', reasons: [] } },
    })
  })

  test('a damaged file counts as none and is written anew', async () => {
    write('state/remembered.json', '{"rootIds": {"sta')
    const folder = join(home, 'state')
    expect(readRemembered(folder)).toEqual({})
    expect(await remember('rootIds', { start: 1, count: 2 }, folder)).toBe(true)
    expect(readRemembered(folder).rootIds).toEqual({ start: 1, count: 2 })
  })

  test('a folder that cannot be made breaks nothing', async () => {
    write('file', '')
    expect(await remember('rootIds', { start: 1, count: 2 }, join(home, 'file', 'state'))).toBe(false)
  })
})
