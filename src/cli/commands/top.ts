// `tspod top`.
import { defineCommand } from '#cli/command.ts'
import { alignTabs } from '#cli/format/table.ts'
import { flag } from '#cli/option.ts'
import { print } from '#cli/output.ts'
import { oneContainer } from '#cli/selection.ts'

// podman-top(1), Format Descriptors
const descriptors = new Set(
  `args capamb capbnd capeff capinh capprm cgroup comm cpu etime group groups hgroup hgroups hpid huser label nice pcpu
  pgid pid ppid rgroup rss ruser seccomp state stime time tty user vsz`.split(/\s+/),
)

export const topCommand = defineCommand({
  usage: '[options] CONTAINER [FORMAT-DESCRIPTORS|ARGS...]',
  description: `Descriptors: ${[...descriptors].join(' ')}. Other arguments go to ps(1).`,
  examples: ['top web', 'top web pid user huser args', 'top web -eo user,pid,comm'],
  options: { latest: flag('The container created last', { short: 'l' }) },
  operands: '[container] [format...]',
  stopsAtOperand: true,
  completes: ['running', 'none'],
  async run(values, operands) {
    const { name, rest } = oneContainer(values.latest, operands)
    const words = rest.flatMap(word => word.split(','))
    const known = words.every(word => descriptors.has(word.toLowerCase()) || /^%[A-Za-z]$/.test(word))
    const { topContainer } = await import('#engine/container/top.ts')
    const table = await topContainer(
      name,
      known ? { kind: 'descriptors', descriptors: words } : { kind: 'ps', arguments: rest },
    )
    const lines = [table.titles, ...table.rows].map(row => row.join('\t'))
    print(`${alignTabs(lines.join('\n'))}\n`)
  },
})
