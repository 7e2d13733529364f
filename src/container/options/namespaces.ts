// --pid, --ipc, --uts, --cgroupns, --userns and --network (run(1)).

import type { NamespaceMode, NetworkRequest, UsernsMode } from '#container/request.ts'
import { TspodError } from '#errors.ts'

type Refuse = (why: string) => TspodError

/** --pid, --ipc, --uts, --cgroupns: private, host, container:NAME or ns:PATH. Throws INVALID quoting the text. */
export function parseNamespaceMode(option: string, text: string): NamespaceMode {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing ${option} "${text}": ${why}`)
  if (text === '' || text === 'private') return { kind: 'private' }
  // every ipc namespace of ours can be shared with another container
  if (text === 'shareable' && option === '--ipc') return { kind: 'private' }
  if (text === 'host') return { kind: 'host' }
  if ((text === 'none' && option === '--ipc') || text === 'pod')
    throw new TspodError('UNSUPPORTED', refuse(`"${text}" is not implemented yet`).message)
  return elsewhere(text, refuse) ?? fail(refuse('must be private, host, container:NAME or ns:PATH'))
}

/** --userns: host, keep-id[:uid=,gid=,size=], auto[:size=], nomap, container:NAME, ns:PATH, or private for the default. */
export function parseUsernsMode(text: string): UsernsMode {
  const refuse: Refuse = why => new TspodError('INVALID', `parsing --userns "${text}": ${why}`)
  const colon = text.indexOf(':')
  const word = colon < 0 ? text : text.slice(0, colon)
  const options = colon < 0 ? [] : text.slice(colon + 1).split(',')
  if (word === 'keep-id') return { kind: 'keep-id', ...numbers(options, ['uid', 'gid', 'size'], refuse) }
  if (word === 'auto') return { kind: 'auto', ...numbers(options, ['size'], refuse) }
  if (text === '' || text === 'private') return { kind: 'default' }
  if (text === 'host' || text === 'nomap') return { kind: text }
  return elsewhere(text, refuse) ?? fail(refuse('must be host, keep-id, auto, nomap, container:NAME or ns:PATH'))
}

/** All --network texts together. User-defined networks and bridge are refused with UNSUPPORTED. */
export function parseNetworkOption(texts: string[]): NetworkRequest {
  const text = texts[0] ?? ''
  const refuse: Refuse = why => new TspodError('INVALID', `parsing --network "${text}": ${why}`)
  if (texts.length > 1)
    throw new TspodError(
      'UNSUPPORTED',
      `parsing --network "${texts.join('", "')}": several networks are not implemented yet`,
    )
  const colon = text.indexOf(':')
  const word = colon < 0 ? text : text.slice(0, colon)
  if (word === 'slirp4netns' || word === 'pasta')
    return { kind: word, options: colon < 0 ? [] : text.slice(colon + 1).split(',') }
  if (text === '' || text === 'default') return { kind: 'default' }
  if (text === 'none' || text === 'host' || text === 'private') return { kind: text }
  const other = elsewhere(text, refuse)
  if (other !== undefined) return other
  throw new TspodError('UNSUPPORTED', refuse(`the network "${word}" is not implemented yet`).message, {
    hint: 'bridge and user-defined networks come later; there are slirp4netns, pasta, none, host, container:NAME and ns:PATH',
  })
}

function elsewhere(
  text: string,
  refuse: Refuse,
): { kind: 'container'; container: string } | { kind: 'path'; path: string } | undefined {
  if (text.startsWith('container:')) {
    if (text.length === 10) throw refuse('the container after "container:" is missing')
    return { kind: 'container', container: text.slice(10) }
  }
  if (!text.startsWith('ns:')) return undefined
  if (!text.startsWith('ns:/')) throw refuse(`the path is "${text.slice(3)}", must be absolute`)
  return { kind: 'path', path: text.slice(3) }
}

function numbers<Name extends string>(options: string[], known: Name[], refuse: Refuse): { [name in Name]?: number } {
  const found: { [name in Name]?: number } = {}
  for (const option of options) {
    const [name = '', value = ''] = option.split('=', 2)
    const key = known.find(each => each === name)
    if (key === undefined) {
      if (name === 'uidmapping' || name === 'gidmapping')
        throw new TspodError('UNSUPPORTED', refuse(`"${name}" is not implemented yet`).message)
      throw refuse(`unknown option "${name}", must be one of ${known.join(', ')}`)
    }
    if (!/^[0-9]{1,10}$/.test(value) || Number(value) > 4294967294 || (name === 'size' && Number(value) === 0))
      throw refuse(`${name} is "${value}", must be a number, ${name === 'size' ? 1 : 0} to 4294967294`)
    found[key] = Number(value)
  }
  return found
}

function fail(error: TspodError): never {
  throw error
}
