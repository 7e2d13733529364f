// `tspod doctor`. Exit status 1 says that something it needs is missing.

import { defineCommand } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { flag } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import type { Check } from '#engine/contracts/system.ts'

const marks: Record<Check['status'], string> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: 'skip' }

export const doctorCommand = defineCommand({
  usage: '[options]',
  options: { json: flag('Print JSON') },
  operands: '',
  async run(values) {
    const { runDoctor } = await import('#engine/system/doctor.ts')
    const checks = await runDoctor()
    print(values.json === true ? formatJson(checks) : checks.map(describe).join(''))
    return checks.some(check => check.status === 'fail') ? 1 : 0
  },
})

function describe({ name, status, found, why, mend }: Check): string {
  const line = `${marks[status]}  ${name}: ${found}\n`
  if (status === 'ok' || status === 'skip') return line
  const who = mend?.who === 'you' ? 'you can mend it' : 'an administrator can mend it'
  const how = mend === undefined ? '' : `      ${who}:\n${mend.command.replace(/^(?=.)/gm, '        ')}\n`
  return `${line}      ${why}\n${how}`
}
