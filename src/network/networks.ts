// The user-defined networks of a store: podman's network JSON, one file each in `networks/`. Host namespaces. Reading takes no lock;
// whoever makes, changes or removes one holds the lock of all.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { sha256Hex } from '#host/bun.ts'
import { log } from '#log.ts'
import type { Fd } from '#sys/fd.ts'
import { openLock } from '#sys/lock.ts'
import type { NetworkDefinition } from './definition.ts'
import { formatIp, formatSubnet, ipOfValue, parseSubnet } from './ip.ts'

/** The network that is there without having been made. */
export interface DefaultNetwork {
  name: string
  subnet: string
}

const folderOf = (graphRoot: string): string => join(graphRoot, 'networks')
const fileOf = (graphRoot: string, name: string): string => join(folderOf(graphRoot), `${name}.json`)

/** Names that `--network` understands otherwise. */
const reserved = ['bridge', 'container', 'default', 'host', 'none', 'ns', 'pasta', 'pod', 'private', 'slirp4netns']

/** It is part of a file's name. */
const LONGEST_NAME = 200
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** Throws INVALID for what cannot be the name of a network. */
export function checkNetworkName(name: string): void {
  if (name.length > LONGEST_NAME)
    throw new TspodError(
      'INVALID',
      `network name ${name.slice(0, 20)}… invalid: it has ${name.length} characters, must have ${LONGEST_NAME} at most`,
    )
  if (!namePattern.test(name))
    throw new TspodError(
      'INVALID',
      `network name ${name} invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument`,
    )
  if (reserved.includes(name))
    throw new TspodError('INVALID', `network name ${name} is used for a network mode: invalid argument`)
}

/** The lock of all networks; the caller closes it. Whoever relies on one before it is recorded anywhere holds it shared. */
export async function lockNetworks(graphRoot: string, shared: boolean): Promise<Fd> {
  mkdirSync(join(graphRoot, 'locks'), { recursive: true, mode: 0o700 })
  return await openLock(join(graphRoot, 'locks', 'networks'), { shared })
}

/** All networks by name, the default one among them. A damaged one is left out with a warning. */
export function listNetworks(graphRoot: string, byDefault: DefaultNetwork): NetworkDefinition[] {
  const names = readNames(graphRoot)
  const found = names.flatMap(name => {
    try {
      return readNetwork(graphRoot, name) ?? []
    } catch (error) {
      log.warn(error instanceof Error ? error.message : String(error))
      return []
    }
  })
  if (!names.includes(byDefault.name)) found.push(defaultNetwork(byDefault))
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function readNames(graphRoot: string): string[] {
  try {
    return readdirSync(folderOf(graphRoot)).flatMap(file => (file.endsWith('.json') ? [file.slice(0, -5)] : []))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`listing networks in "${folderOf(graphRoot)}"`, error)
  }
}

/** The definition of exactly this name; `undefined` where there is none. Throws INVALID for a damaged one. */
export function readNetwork(graphRoot: string, name: string): NetworkDefinition | undefined {
  if (!namePattern.test(name)) return undefined // nor is it the path of some other file
  const path = fileOf(graphRoot, name)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ENAMETOOLONG') return undefined
    throw during(`reading network "${name}"`, error)
  }
  return parseDefinition(text, name, path)
}

function parseDefinition(text: string, name: string, path: string): NetworkDefinition {
  const damaged = (why: string) =>
    new TspodError('INVALID', `network "${name}": "${path}" is damaged: ${why}`, {
      hint: `tspod network rm --force ${name} removes it`,
    })
  let value: Partial<NetworkDefinition> | null
  try {
    value = JSON.parse(text) as Partial<NetworkDefinition> | null
  } catch {
    throw damaged('it is no JSON')
  }
  if (typeof value !== 'object' || value === null) throw damaged('it is no object')
  const { id, subnets, network_interface: device } = value
  if (value.name !== name || typeof id !== 'string' || typeof device !== 'string')
    throw damaged('name, id or interface is missing')
  if (!Array.isArray(subnets) || subnets.some(({ subnet }) => parseSubnet(subnet) === undefined))
    throw damaged('its subnets cannot be read')
  return value as NetworkDefinition
}

/** A network by its name, its id or the unambiguous beginning of one. Throws NOT_FOUND, CONFLICT in podman's words. */
export function findNetwork(graphRoot: string, byDefault: DefaultNetwork, text: string): NetworkDefinition {
  const exact = readNetwork(graphRoot, text) ?? (text === byDefault.name ? defaultNetwork(byDefault) : undefined)
  if (exact !== undefined) return exact
  const fitting = text === '' ? [] : listNetworks(graphRoot, byDefault).filter(({ id }) => id.startsWith(text))
  if (fitting.length > 1)
    throw new TspodError('CONFLICT', `more than one result for network ID ${text}`, {
      hint: `there are ${fitting.map(({ name }) => name).join(', ')}`,
    })
  const [found] = fitting
  if (found !== undefined) return found
  throw new TspodError('NOT_FOUND', `unable to find network with name or ID ${text}: network not found`)
}

/** Writes a definition. The caller holds the lock. */
export function writeNetwork(graphRoot: string, definition: NetworkDefinition): void {
  const path = fileOf(graphRoot, definition.name)
  const staged = `${path}.${process.pid}`
  try {
    mkdirSync(folderOf(graphRoot), { recursive: true, mode: 0o700 })
    writeFileSync(staged, `${JSON.stringify(definition, undefined, 2)}\n`, { mode: 0o600, flush: true })
    renameSync(staged, path)
  } catch (error) {
    rmSync(staged, { force: true })
    throw during(`writing network "${definition.name}"`, error)
  }
}

/** The caller holds the lock. */
export function removeNetworkFile(graphRoot: string, name: string): void {
  rmSync(fileOf(graphRoot, name), { force: true })
}

/** The default network as it is where nobody has made another one of its name: without names, as podman's. */
export function defaultNetwork({ name, subnet }: DefaultNetwork): NetworkDefinition {
  const parsed = parseSubnet(subnet)
  if (parsed === undefined)
    throw new TspodError('INVALID', `containers.conf: network.default_subnet is "${subnet}", must be a subnet`)
  return {
    name,
    id: sha256Hex(name),
    driver: 'bridge',
    network_interface: 'podman0',
    created: '1970-01-01T00:00:00Z',
    subnets: [{ subnet: formatSubnet(parsed), gateway: formatIp(ipOfValue(parsed.version, parsed.base + 1n)) }],
    ipv6_enabled: parsed.version === 6,
    internal: false,
    dns_enabled: false,
    ipam_options: { driver: 'host-local' },
  }
}
