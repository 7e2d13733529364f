// `tspod image trust`.
import { defineCommand, usageError } from '#cli/command.ts'
import { formatJson } from '#cli/format/json.ts'
import { renderTable } from '#cli/format/table.ts'
import { choice, flag, list } from '#cli/option.ts'
import { print } from '#cli/output.ts'

export const imageTrustCommand = defineCommand({
  usage: 'show [options] | set [options] REGISTRY[/REPOSITORY[:TAG]]|default',
  description:
    'What policy.json says about where images may come from. `set` writes your own file, ~/.config/containers/policy.json, which takes the place of the machine’s and begins with what that says.',
  examples: [
    'image trust show',
    'image trust set --type reject default',
    'image trust set --type sigstoreSigned -f cosign.pub quay.io/me',
  ],
  options: {
    json: flag('Print rules as JSON', { short: 'j' }),
    pubkeysfile: list('file', 'A public key that must have signed; several must all have', {
      short: 'f',
      completes: 'files',
    }),
    raw: flag('Print the file itself'),
    type: choice(['accept', 'reject', 'signedBy', 'sigstoreSigned'], 'What is asked of images (default signedBy)', {
      short: 't',
    }),
  },
  operands: '<show-or-set> [scope]',
  completes: ['none'],
  async run(values, [verb, scope]) {
    const { listTrust, rawTrust, setTrust } = await import('#engine/image/trust.ts')
    if (verb === 'set') {
      if (scope === undefined) throw usageError('image trust set: name a registry or repository, or default')
      setTrust(scope, values.type ?? 'signedBy', values.pubkeysfile ?? [])
      return
    }
    if (verb !== 'show') throw usageError(`image trust "${verb ?? ''}" must be show or set`)
    if (scope !== undefined) throw usageError('image trust show takes no arguments')
    if (values.raw === true) return print(rawTrust() ?? '')
    const entries = listTrust()
    if (values.json === true)
      return print(
        formatJson(
          entries.map(({ transport, name, type, keys }) => ({
            transport,
            name: transport === 'all' ? '* (default)' : name,
            repo_name: name,
            type,
            ...(keys.length > 0 && { keys }),
          })),
        ),
      )
    print(
      renderTable(entries, [
        { title: 'TRANSPORT', cell: each => each.transport },
        { title: 'NAME', cell: each => each.name },
        { title: 'TYPE', cell: each => each.type },
        { title: 'ID', cell: each => each.keys.join(',') },
        { title: 'STORE', cell: () => '' },
      ]),
    )
  },
})
