import { expect, test } from 'bun:test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { foreignObstacle } from '#host/binfmt.ts'

const folder = mkdtempSync(join(tmpdir(), 'tspod-binfmt-'))
const entry = (name: string, text: string) => writeFileSync(join(folder, name), text)

test('the own architecture and those the processor runs need nothing', () => {
  expect(foreignObstacle('amd64', 'amd64', folder)).toBeUndefined()
  expect(foreignObstacle('386', 'amd64', folder)).toBeUndefined()
  expect(foreignObstacle('arm', 'arm64', folder)).toBeUndefined()
})

test('an entry that is missing, disabled or without F is named', () => {
  expect(foreignObstacle('arm64', 'amd64', folder)?.found).toBe(
    'this machine is amd64, and has no binfmt entry "qemu-aarch64"',
  )
  entry('qemu-aarch64', 'disabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\n')
  expect(foreignObstacle('arm64', 'amd64', folder)?.found).toContain('is disabled')
  entry('qemu-aarch64', 'enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OC\n')
  expect(foreignObstacle('arm64', 'amd64', folder)?.found).toContain('lacks the flag F')
  entry('qemu-aarch64', 'enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\n')
  expect(foreignObstacle('arm64', 'amd64', folder)).toBeUndefined()
})
