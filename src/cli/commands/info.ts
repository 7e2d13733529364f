// `tspod info`.
import { defineCommand } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { text } from '#cli/option.ts'
import { print } from '#cli/output.ts'

export const infoCommand = defineCommand({
  usage: '[options]',
  examples: ["info -f '{{.Host.Security.Rootless}}'", 'info --format json'],
  options: { format: text('template', 'A Go template, or json (default YAML)', { short: 'f' }) },
  operands: '',
  async run(values) {
    const { systemInfo } = await import('#engine/system/info.ts')
    const info = await systemInfo()
    if (values.format === undefined) {
      const { formatYaml } = await import('#cli/format/yaml.ts')
      return print(formatYaml(info))
    }
    const { renderValue, wantsJson } = await import('#cli/format/report.ts')
    return print(wantsJson(values.format) ? formatJson(info) : renderValue(values.format, withOtherNames(info)))
  },
})

/** Fields that templates call otherwise than the JSON does. */
function withOtherNames(info: Record<string, unknown>): Record<string, unknown> {
  const host = { ...(info['host'] as Record<string, unknown> | undefined) }
  host['CgroupsVersion'] = host['cgroupVersion']
  host['RuntimeInfo'] = host['ociRuntime']
  return { ...info, host }
}
