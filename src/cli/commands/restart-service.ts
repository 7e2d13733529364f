// `tspod system restart-service`.
import { defineCommand } from '#cli/command.ts'
import { flag } from '#cli/option.ts'
import { printError, printLine } from '#cli/output.ts'

export const restartServiceCommand = defineCommand({
  usage: '[options]',
  description: `Installs and enables tspod-restart.service for the user's systemd: it starts every container with --restart=always, and those
with unless-stopped that were not stopped, when the machine starts (with lingering) or the user logs in (without). See docs/systemd.md.`,
  options: { remove: flag('Remove it') },
  operands: '',
  async run(values) {
    const { installRestartService, removeRestartService } = await import('#engine/system/restart-service.ts')
    if (values.remove === true) return removeRestartService()
    const { path, note } = installRestartService()
    printLine(path)
    if (note !== undefined) printError(`note: ${note}\n`)
  },
})
