// Says what the suite in the virtual machine came to, from its report; ends with status 1 where something failed or no report came.
import { readFileSync } from 'node:fs'
import { readTotals } from '#test/setup/junit.ts'

const [path = ''] = process.argv.slice(2)
const totals = readTotals(readFileSync(path, 'utf8'))
if (totals === undefined) console.log('the virtual machine sent no report')
const { passed, failed, skipped } = totals ?? { passed: 0, failed: 1, skipped: 0 }
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
