// The passwd and group files of a container whose user its image does not know (run(1), --passwd, --passwd-entry). Pure.
import { TspodError } from '#errors.ts'
import type { ContainerRequest } from './request.ts'
import { type Accounts, parseGroup, parsePasswd, type ResolvedUser } from './users.ts'

export interface AccountInputs {
  request: Pick<ContainerRequest, 'passwd' | 'passwdEntry' | 'groupEntry'>
  accounts: Accounts
  user: ResolvedUser
  /** the caller under --userns keep-id, whose name the ids then get */
  caller: { name: string; groupName: string } | undefined
  workdir: string
  /** lines of the host's passwd for --hostuser */
  hostUserEntries: readonly string[]
}

/** The new texts; an absent one stays as the image has it. */
export function planAccounts(inputs: AccountInputs): { passwd?: string; group?: string } {
  const { request, accounts, user } = inputs
  if (!request.passwd) {
    if (request.passwdEntry !== undefined || request.groupEntry !== undefined)
      throw new TspodError('INVALID', '--passwd-entry and --group-entry contradict --passwd=false')
    return {}
  }
  const known = parsePasswd(accounts.passwd)
  const passwdLines = inputs.hostUserEntries.filter(
    line => !known.some(entry => entry.name === line.split(':')[0] || entry.uid === Number(line.split(':')[2])),
  )
  const isUserKnown = user.entry !== undefined || passwdLines.some(line => Number(line.split(':')[2]) === user.uid)
  if (request.passwdEntry !== undefined || (!isUserKnown && user.uid !== 0)) passwdLines.push(passwdLine(inputs))
  const isGroupKnown = parseGroup(accounts.group).some(group => group.gid === user.gid)
  const groupLines = request.groupEntry !== undefined || (!isGroupKnown && user.gid !== 0) ? [groupLine(inputs)] : []
  return {
    ...(passwdLines.length > 0 && { passwd: append(accounts.passwd, passwdLines) }),
    ...(groupLines.length > 0 && { group: append(accounts.group, groupLines) }),
  }
}

function passwdLine({ request, user, caller, workdir }: AccountInputs): string {
  const name = caller?.name ?? user.entry?.name ?? String(user.uid)
  const template = request.passwdEntry ?? '$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh'
  return replaceAll(template, {
    $USERNAME: name,
    $UID: String(user.uid),
    $GID: String(user.gid),
    $NAME: caller?.name ?? 'container user',
    $HOME: user.entry?.home ?? workdir,
  })
}

function groupLine({ request, user, caller }: AccountInputs): string {
  return replaceAll(request.groupEntry ?? '$GROUPNAME:x:$GID:$USERLIST', {
    $GROUPNAME: caller?.groupName ?? String(user.gid),
    $GID: String(user.gid),
    $USERLIST: caller?.name ?? user.entry?.name ?? String(user.uid),
  })
}

function replaceAll(template: string, values: Record<string, string>): string {
  return template.replace(/\$[A-Z]+/g, variable => values[variable] ?? variable)
}

function append(text: string, lines: string[]): string {
  return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${lines.join('\n')}\n`
}
