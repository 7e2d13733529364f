// package-lock.json must name every platform's optional packages: `npm ci` refuses one that leaves any out, and `npm install` on a
// machine that has node_modules, or with a registry that lacks some, does leave them out.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockedPackage {
  version?: string
  resolved?: string
  optionalDependencies?: Record<string, string>
}

const lock = JSON.parse(readFileSync(join(import.meta.dir, '../../package-lock.json'), 'utf8')) as {
  packages: Record<string, LockedPackage>
}

test('the lock file has an entry for every optional package', () => {
  const wanted = Object.values(lock.packages).flatMap(each => Object.keys(each.optionalDependencies ?? {}))
  expect(wanted.length).toBeGreaterThan(20)
  expect(wanted.filter(name => lock.packages[`node_modules/${name}`]?.version === undefined)).toEqual([])
})

test('the lock file names no registry', () => {
  expect(Object.values(lock.packages).filter(each => each.resolved !== undefined)).toEqual([])
})
