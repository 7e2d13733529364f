// Says what the suite in the virtual machine came to, from its report; ends with status 1 where something failed or no report came.
import { readFileSync } from 'node:fs'
import { failedNames, readTotals } from '#test/setup/junit.ts'

const [path = ''] = process.argv.slice(2)
const text = readFileSync(path, 'utf8')
const totals = readTotals(text)
if (totals === undefined) console.log('the virtual machine sent no report')
// the machine's console may be cut off
for (const name of failedNames(text)) console.log(`(fail) ${name}`)
const { passed, failed, skipped } = totals ?? { passed: 0, failed: 1, skipped: 0 }
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
