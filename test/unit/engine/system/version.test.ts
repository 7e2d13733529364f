import { expect, test } from 'bun:test'
import { systemVersion, tspodVersion } from '#engine/system/version.ts'

test('the version is the one in package.json', async () => {
  const manifest = (await Bun.file(new URL('../../../../package.json', import.meta.url)).json()) as { version: string }
  expect(tspodVersion).toBe(manifest.version)
})

test('systemVersion() names the platform as images do, without a build time from a source tree', () => {
  const report = systemVersion()
  expect(report.OsArch).toMatch(/^linux\/(amd64|arm64)$/)
  expect(report.Built).toBe(0)
  expect(report.BuiltTime).toBe('Thu, 01 Jan 1970 00:00:00 GMT')
})
