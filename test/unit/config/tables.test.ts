import { describe, expect, test } from 'bun:test'
import { defaults } from '#config/defaults.ts'
import { TableReader } from '#config/read-tables.ts'
import { tables } from '#config/tables.ts'
import { parseToml } from '#config/toml.ts'

type TableName = keyof typeof tables

/** The values after laying these texts over the defaults, in order. */
async function read(...texts: (string | { system: string })[]) {
  const reader = new TableReader<TableName>(tables, structuredClone(defaults))
  for (const [index, each] of texts.entries()) {
    const scope = typeof each === 'string' ? 'user' : 'system'
    const path = `/${index}.conf`
    reader.add({ path, scope }, await parseToml(typeof each === 'string' ? each : each.system, path))
  }
  return reader.values as unknown as typeof defaults
}

async function failure(text: string): Promise<string> {
  try {
    await read(text)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('was accepted')
}

describe('laying files over each other', () => {
  test('changes only the keys that a file sets, and leaves the defaults as they are', async () => {
    const values = await read('[containers]\ntz = "local"', '[containers]\nshm_size = "1g"\n[engine]\nstop_timeout = 3')
    expect(values.containers.tz).toBe('local')
    expect(values.containers.shmSizeBytes).toBe(2 ** 30)
    expect(values.engine.stopTimeoutSeconds).toBe(3)
    expect(values.containers.umask).toBe('0022')
    expect(defaults.containers.tz).toBe('')
  })

  test('a list replaces the one before, unless it appends; appending lasts until it is turned off', async () => {
    const texts = ['env=["1=a"]', 'env=["2=a"]', 'env=["3=a", {append=true}]', 'env=["4=a"]']
    const conf = texts.map(text => `[containers]\n${text}`)
    expect((await read(...conf)).containers.env).toEqual(['2=a', '3=a', '4=a'])
    const off = await read(...conf, '[containers]\nenv=["5=a", {append=false}]')
    expect(off.containers.env).toEqual(['5=a'])
  })

  test('appending to one list does not touch another of the same key in another table', async () => {
    const values = await read('[containers]\nenv=["A=1",{append=true}]\n[engine]\nenv=["B=1"]', '[engine]\nenv=["C=1"]')
    expect(values.engine.env).toEqual(['C=1'])
    expect(values.containers.env).toEqual([...defaults.containers.env, 'A=1'])
  })

  test('an empty table of runtimes keeps those that are known', async () => {
    const values = await read('[engine.runtimes]', '[engine.runtimes]\nmine = ["/opt/x"]')
    expect(Object.keys(values.engine.runtimes).sort()).toEqual(['crun', 'mine', 'runc'])
  })

  test('an empty path sets a key back to absent', async () => {
    const values = await read('[containers]\nseccomp_profile="/a.json"', '[containers]\nseccomp_profile=""')
    expect(values.containers).not.toHaveProperty('seccompProfile')
  })

  test('the runtime of a system file is for engines that have none of their own', async () => {
    expect((await read({ system: '[engine]\nruntime="runc"' })).engine.runtime).toBeUndefined()
    expect((await read('[engine]\nruntime="runc"')).engine.runtime).toBe('runc')
  })

  test('keys and tables of other engines are no errors', async () => {
    const values = await read(
      '[machine]\ncpus=1\n[engine]\nconmon_path=["/x"]\n[containers]\ncolour="blue"\n[engine.volume_plugins]\n',
    )
    expect(values).toEqual(defaults)
  })

  test('words of other engines mean what tspod has', async () => {
    const values = await read(
      '[containers]\nlog_driver="journald"\n[engine]\nevents_logger="journald"\nimage_volume_mode="bind"',
    )
    expect(values.containers.logDriver).toBe('k8s-file')
    expect(values.engine.eventsLogger).toBe('file')
    expect(values.engine.imageVolumeMode).toBe('anonymous')
  })
})

describe('a value of the wrong type is refused, naming file, key, found and wanted', () => {
  test.each([
    [
      '[containers]\nshm_size = "64x"',
      'reading "/0.conf": containers.shm_size is "64x", must be a size such as "64m" in quotes',
    ],
    ['[containers]\nshm_size = 65536', 'containers.shm_size is 65536, must be a size'],
    ['[containers]\nenv = "A=1"', 'containers.env is "A=1", must be a list of strings'],
    ['[containers]\nenv = ["A=1", 2]', 'containers.env is ["A=1",2], must be a list of strings'],
    ['[containers]\ninit = "yes"', 'containers.init is "yes", must be true or false'],
    ['[containers]\npids_limit = -1', 'containers.pids_limit is -1, must be a whole number from 0 on'],
    ['[containers]\noom_score_adj = 1001', 'must be a whole number, -1000 to 1000'],
    ['[containers]\npidns = "ours"', 'containers.pidns is "ours", must be one of "private", "host"'],
    ['[containers]\nseccomp_profile = "x.json"', 'must be an absolute path'],
    ['[engine]\nstop_timeout = 1.5', 'engine.stop_timeout is 1.5'],
    ['[engine]\nruntimes = "crun"', 'engine.runtimes is "crun", must be a table of lists of strings'],
    ['engine = 3', 'engine is 3, must be a table'],
    ['[engine]\nevents_logger = "journal"', 'must be one of "file", "none", "journald"'],
  ])('%j', async (text, wanted) => {
    expect(await failure(text)).toContain(wanted)
  })
})

describe('parseToml()', () => {
  test('keeps the line numbers of errors though comments are dropped', async () => {
    expect(await failure('# one\n  # two\n[containers]\n# four\ntz = \n')).toContain('"/0.conf": line 5, column')
  })

  test('keeps what looks like a comment inside a multi-line string', async () => {
    expect((await read('[containers]\ntz = """\n# no comment\n"""')).containers.tz).toBe('# no comment\n')
    expect((await read('[containers]\nenv = ["A=1 # 2"] # three')).containers.env).toEqual(['A=1 # 2'])
  })
})

test('the generated defaults are what containers-conf/containers.conf gives', async () => {
  const text = await Bun.file(new URL('../../../containers-conf/containers.conf', import.meta.url)).text()
  const reader = new TableReader<TableName>(tables, { containers: {}, network: {}, engine: {} })
  reader.add({ path: 'containers.conf', scope: 'user' }, await parseToml(text, 'containers.conf'))
  expect(reader.values as unknown).toEqual(defaults)
})
