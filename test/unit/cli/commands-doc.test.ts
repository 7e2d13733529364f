import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandsDocument } from '../../../scripts/generate-commands-doc.ts'

test('docs/commands.md says what the tables say (scripts/bun scripts/generate-commands-doc.ts)', async () => {
  const written = readFileSync(join(import.meta.dir, '../../../docs/commands.md'), 'utf8')
  expect(written).toBe(await commandsDocument())
})
