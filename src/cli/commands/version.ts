// `tspod version`.
import { defineCommand } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { text } from '#cli/option.ts'
import { print } from '#cli/output.ts'

export const versionCommand = defineCommand({
  usage: '[options]',
  examples: ["version -f '{{.Client.Version}}'"],
  options: { format: text('template', 'A Go template, or json', { short: 'f' }) },
  operands: '',
  async run(values) {
    const { systemVersion } = await import('#engine/system/version.ts')
    const client = systemVersion()
    if (values.format === undefined) {
      const lines = {
        Client: 'tspod',
        Version: client.Version,
        'API Version': client.APIVersion,
        Runtime: client.Runtime,
        'Git Commit': client.GitCommit,
        Built: client.BuiltTime,
        'OS/Arch': client.OsArch,
      }
      const known = Object.entries(lines).filter(([, value]) => value !== '')
      return print(known.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join(''))
    }
    const { renderValue, wantsJson } = await import('#cli/format/report.ts')
    const report = { Client: client }
    return print(wantsJson(values.format) ? formatJson(report) : renderValue(values.format, { ...client, ...report }))
  },
})
