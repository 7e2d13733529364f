// `tspod quadlet install`, `list`, `print`, `rm`, `generate` and `-dryrun`.
import { checkCommandLine as check } from '#cli/check-command.ts'
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { renderTable } from '#cli/format/table.ts'
import { flag, list, text } from '#cli/option.ts'
import { print, printLine } from '#cli/output.ts'
import { throwFailures } from '#cli/selection.ts'
import type { QuadletFile } from '#engine/contracts/quadlet.ts'
import type { TspodError } from '#errors.ts'

const reloadSystemd = flag('Have systemd read its units again (default true)')

/** What became of other files is told, and does not undo this one. */
const report = (failures: readonly TspodError[]): void => throwFailures(failures.map(error => ({ error })))

export const quadletInstallCommand = defineCommand({
  usage: '[options] PATH [PATH...]',
  description: `Copies Quadlet files (.container, .volume, .network, .image, .build, .pod, .kube; see docs/systemd.md) to ~/.config/containers/systemd, and makes
services of systemd of them.`,
  examples: ['quadlet install web.container data.volume'],
  options: { reloadSystemd, replace: flag('Overwrite files of the same names') },
  operands: '<path...>',
  completes: ['files'],
  async run(values, paths) {
    const { installQuadlets } = await import('#engine/quadlet/install.ts')
    const { installed, failures } = await installQuadlets(paths, {
      replace: values.replace ?? false,
      reload: values.reloadSystemd ?? true,
      check,
    })
    for (const path of installed) printLine(path)
    report(failures)
  },
})

const row = ({ name, service, path, status }: QuadletFile) => ({
  Name: name,
  UnitName: service ?? '',
  Path: path,
  Status: status,
})

export const quadletListCommand = defineCommand({
  usage: '[options]',
  options: {
    filter: list('key=value', 'Only files that match: name=, status=', { short: 'f' }),
    format: text('template', 'json, or a Go template, or `table` and a template'),
    noheading: flag('Leave the headings out', { short: 'n' }),
  },
  operands: '',
  async run(values) {
    const filters = (values.filter ?? []).map(parseFilter)
    const { listQuadlets } = await import('#engine/quadlet/list.ts')
    const { files, failures } = await listQuadlets(check)
    const chosen = files.filter(file => filters.every(matches => matches(file)))
    if (values.format === undefined)
      print(
        renderTable(
          chosen,
          [
            { title: 'NAME', cell: ({ name }) => name },
            { title: 'UNIT NAME', cell: ({ service = '' }) => service },
            { title: 'PATH ON DISK', cell: ({ path }) => path },
            { title: 'STATUS', cell: ({ status }) => status },
          ],
          values.noheading !== true,
        ),
      )
    else {
      const { renderRows, wantsJson } = await import('#cli/format/report.ts')
      if (wantsJson(values.format)) print(formatJson(chosen.map(row)))
      else
        print(
          renderRows(values.format, chosen.map(row), {
            fields: ['Name', 'UnitName', 'Path', 'Status'],
            headings: { Path: 'PATH ON DISK' },
            noHeading: values.noheading ?? false,
          }),
        )
    }
    report(failures)
  },
})

function parseFilter(given: string): (file: QuadletFile) => boolean {
  const [, key, value] = /^(name|status)=(.*)$/.exec(given) ?? []
  if (value === undefined) throw usageError(`invalid filter "${given}": must be name= or status=`)
  return file => (key === 'name' ? file.name.includes(value) : file.status === value)
}

export const quadletPrintCommand = defineCommand({
  usage: 'FILE',
  examples: ['quadlet print web.container'],
  options: {},
  operands: '<file>',
  completes: ['none'],
  async run(_, [name = '']) {
    const { readQuadlet } = await import('#engine/quadlet/list.ts')
    print(readQuadlet(name))
  },
})

export const quadletRemoveCommand = defineCommand({
  usage: '[options] FILE [FILE...]',
  examples: ['quadlet rm --force web.container'],
  options: {
    all: flag('Remove all that are installed', { short: 'a' }),
    force: flag('Stop their services first', { short: 'f' }),
    ignore: flag('A missing file is no error', { short: 'i' }),
    reloadSystemd,
  },
  operands: '[file...]',
  completes: ['none'],
  async run(values, names) {
    const { all = false, force = false, ignore = false } = values
    if (all === names.length > 0) throw usageError(all ? '--all takes no names' : 'you must provide at least one name')
    const { removeQuadlets } = await import('#engine/quadlet/remove.ts')
    const { removed, failures } = await removeQuadlets(names, {
      all,
      force,
      ignore,
      reload: values.reloadSystemd ?? true,
      check,
    })
    for (const name of removed) printLine(name)
    report(failures)
  },
})

export const quadletGenerateCommand = defineCommand({
  usage: '[options] [FOLDER [EARLY [LATE]]]',
  description: `Makes the services of all Quadlet files again, after they were edited. With a folder it is a generator of systemd: an administrator
who wants \`systemctl --user daemon-reload\` to do that calls it from /etc/systemd/user-generators/tspod (see docs/systemd.md).`,
  options: { reloadSystemd },
  operands: '[normal] [early] [late]',
  completes: ['folders'],
  async run(values, [folder]) {
    const { generateUnits, synchroniseUnits } = await import('#engine/quadlet/synchronise.ts')
    report(
      folder === undefined
        ? await synchroniseUnits(check, values.reloadSystemd ?? true)
        : await generateUnits(check, folder),
    )
  },
})

export const quadletDryRunCommand = defineCommand({
  usage: '',
  description:
    'Prints the services that the Quadlet files of this user make, and what is wrong with those that make none.',
  options: { user: flag('Services of the user, as is the case anyway') },
  operands: '',
  async run() {
    const { translateQuadlets } = await import('#engine/quadlet/translate.ts')
    const { units, failures } = await translateQuadlets(check)
    for (const { name, text } of units) print(`---${name}---\n${text}\n`)
    report(failures)
  },
})
