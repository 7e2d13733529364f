// Writes src/config/defaults.ts from containers-conf/containers.conf: `scripts/bun scripts/generate-defaults.ts [--check]`.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TableReader } from '#config/read-tables.ts'
import { tables } from '#config/tables.ts'
import { readToml } from '#config/toml.ts'

const top = join(import.meta.dirname, '..')
const source = join(top, 'containers-conf/containers.conf')
const target = join(top, 'src/config/defaults.ts')

const reader = new TableReader(tables, { containers: {}, network: {}, engine: {} })
reader.add({ path: source, scope: 'user' }, await readToml(source))
const text = `// Generated from containers-conf/containers.conf by scripts/generate-defaults.ts: the settings without any file.
import type { ConfigTables } from './tables.ts'

export const defaults: ConfigTables = ${JSON.stringify(reader.values, undefined, 2)}
`
const formatted = execFileSync(join(top, 'node_modules/.bin/biome'), ['format', '--stdin-file-path', target], {
  input: text,
})

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== formatted.toString())
    throw new Error(`"${target}" is not what "${source}" gives`)
} else {
  writeFileSync(target, formatted)
}
