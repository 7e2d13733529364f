// Builds dist/tspod, the one executable: `npm run build [-- --target x64|arm64] [--outfile PATH]`.
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { allowHugePages } from './huge-pages.ts'
import { platformFile } from './platform-file.ts'

const root = resolve(import.meta.dir, '..')
const architectures = ['x64', 'arm64'] as const
type Architecture = (typeof architectures)[number]

/** In the executable, koffi's native module is an embedded file instead of one found in node_modules. */
function embedNativeModule(path: string): Bun.BunPlugin {
  return {
    name: 'embed koffi',
    setup(build) {
      build.onLoad({ filter: /\/src\/sys\/koffi-native\.ts$/ }, () => ({
        loader: 'ts',
        contents: `import path from ${JSON.stringify(path)} with { type: 'file' }\nexport const nativeModule: string = path\n`,
      }))
    },
  }
}

/** What the sources say of themselves: the commit and its time, so that the same commit makes the same bytes. */
function buildFacts(): Record<string, string> {
  const git = (...args: string[]) => {
    try {
      const command = ['git', '-c', `safe.directory=${root}`, ...args]
      const { success, stdout } = Bun.spawnSync(command, { cwd: root, stderr: 'ignore' })
      return success ? stdout.toString().trim() : '' // '': an unpacked archive of the sources
    } catch {
      return '' // no git on this machine
    }
  }
  const seconds = process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct')
  return {
    'process.env.TSPOD_BUILD_COMMIT': JSON.stringify(git('rev-parse', 'HEAD')),
    'process.env.TSPOD_BUILD_SECONDS': JSON.stringify(seconds === '' ? '0' : seconds),
  }
}

async function build(target: Architecture, outfile: string): Promise<void> {
  const bunName = target === 'x64' ? 'linux-x64' : 'linux-aarch64'
  const bun = platformFile(root, `@oven/bun-${bunName}`, 'bin/bun')
  const koffi = platformFile(root, `@koromix/koffi-linux-${target}`, `linux_${target}/koffi.node`)
  mkdirSync(dirname(outfile), { recursive: true })
  const staging = mkdtempSync(`${outfile}.`)
  const unfinished = join(staging, 'tspod') // its name ends up in the bytes
  const result = await Bun.build({
    entrypoints: [join(root, 'src/main.ts')],
    target: 'bun',
    format: 'esm',
    minify: true,
    splitting: true,
    bytecode: true,
    sourcemap: 'none',
    define: buildFacts(),
    plugins: [embedNativeModule(koffi)],
    compile: {
      target: `bun-${target === 'x64' ? 'linux-x64' : 'linux-arm64'}`,
      executablePath: bun,
      outfile: unfinished,
      autoloadDotenv: false,
      autoloadBunfig: false,
      // most commands are over before compiling anything pays; what works for longer turns it back (host/bun.ts)
      jitPolicy: 1000,
    },
  })
  if (!result.success) throw new AggregateError(result.logs, 'the bundler refused')
  // the pages of arm64 may be so large that a huge one is 512 MB
  if (target === 'x64') allowHugePages(unfinished)
  chmodSync(unfinished, 0o755)
  renameSync(unfinished, outfile)
  rmSync(staging, { recursive: true })
  console.log(`${outfile}: ${(statSync(outfile).size / 1e6).toFixed(1)} MB, ${target}`)
}

const { values } = parseArgs({ options: { target: { type: 'string' }, outfile: { type: 'string' } } })
const host = architectures.find(architecture => architecture === process.arch)
const target = architectures.find(architecture => architecture === (values.target ?? host))
if (target === undefined) {
  console.error(`cannot build for "${values.target ?? process.arch}", must be one of: ${architectures.join(', ')}`)
  process.exit(2)
}
await build(target, resolve(values.outfile ?? join(root, 'dist', target === host ? 'tspod' : `tspod-${target}`)))
