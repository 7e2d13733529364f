// `tspod rm`. Its exit status says what kept containers from being removed (podman-rm(1), Exit Status).
import { defineCommand } from '#cli/command.ts'
import { flag, list, parsed } from '#cli/option.ts'
import { withRemovalStatus } from '#cli/removal-status.ts'
import { printOutcomes, selectContainers } from '#cli/selection.ts'
import { parseSeconds } from '#cli/values.ts'

export const rmCommand = defineCommand({
  usage: '[options] CONTAINER [CONTAINER...]',
  examples: ['rm web', 'rm --force --all'],
  options: {
    all: flag('Remove all containers', { short: 'a' }),
    cidfile: list('file', "Read a container's id from this file", { completes: 'files' }),
    depend: flag('Remove the containers that depend on it too'),
    filter: list('key=value', 'Choose containers by a filter'),
    force: flag('Remove running and damaged containers; a missing one is no error', { short: 'f' }),
    ignore: flag('A missing container is no error', { short: 'i' }),
    latest: flag('The container created last', { short: 'l' }),
    time: parsed('seconds', 'With --force: seconds until a running one is killed', parseSeconds, {
      short: 't',
      aliases: ['timeout'],
    }),
    volumes: flag('Remove its anonymous volumes', { short: 'v' }),
  },
  operands: '[container...]',
  completes: ['containers'],
  async run(values, operands) {
    const force = values.force ?? false
    const selection = selectContainers({ ...values, ignore: force || values.ignore === true }, operands)
    const { removeContainers } = await import('#engine/container/remove.ts')
    const outcomes = await removeContainers(selection, {
      force,
      volumes: values.volumes ?? false,
      depend: values.depend ?? false,
      timeoutSeconds: values.time,
    })
    printOutcomes(withRemovalStatus(outcomes))
  },
})
