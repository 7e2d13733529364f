// `.volume`, `.network` and `.image` files as services that make something once (podman-systemd.unit(5)). Pure.
import { TspodError } from '#errors.ts'
import {
  addCommand,
  baseCommand,
  type Draft,
  describeOneshot,
  flagOptions,
  imageSource,
  listOptions,
  pairOptions,
  textOptions,
  wrong,
} from './draft.ts'

/** `data.volume` to `systemd-data`. */
export function resourceName(file: string): string {
  return `systemd-${file.replace(/\.[a-z]+$/, '')}`
}

export function draftVolume(draft: Draft): void {
  const { source, group } = draft
  const { unit } = source
  addCommand(draft, 'ExecStart', [
    ...baseCommand(draft),
    'volume',
    'create',
    '--ignore',
    ...textOptions(draft, { Driver: '--driver' }),
    ...volumeDriverOptions(draft),
    ...pairOptions(draft, { Label: '--label' }),
    ...unit.words(group, 'PodmanArgs'),
    unit.text(group, 'VolumeName') ?? resourceName(source.name),
  ])
  describeOneshot(draft, true)
}

function volumeDriverOptions(draft: Draft): string[] {
  const { source, group, service } = draft
  const { unit } = source
  if (unit.text(group, 'Driver') === 'image') {
    const image = unit.text(group, 'Image')
    if (image === undefined) throw wrong('Driver=image needs Image=')
    return ['--opt', `image=${imageSource(draft, image)}`]
  }
  if (unit.boolean(group, 'Copy') === false)
    throw new TspodError('UNSUPPORTED', 'Copy=no is not implemented yet', {
      hint: 'the container says it: Volume=data.volume:/folder:nocopy',
    })
  const device = unit.text(group, 'Device')
  const type = unit.text(group, 'Type')
  const options = unit.text(group, 'Options')
  if (device === undefined && (type ?? options) !== undefined)
    throw wrong(`${type === undefined ? 'Options' : 'Type'}= needs Device=`)
  if (type === 'bind' && device !== undefined) service.add('Unit', 'RequiresMountsFor', device)
  const mount = [
    ...owner(unit.text(group, 'User'), 'User', 'uid'),
    ...owner(unit.text(group, 'Group'), 'Group', 'gid'),
    ...(options === undefined ? [] : [options]),
  ]
  return [
    ...(device === undefined ? [] : ['--opt', `device=${device}`]),
    ...(type === undefined ? [] : ['--opt', `type=${type}`]),
    ...(mount.length === 0 ? [] : ['--opt', `o=${mount.join(',')}`]),
  ]
}

function owner(id: string | undefined, key: string, word: string): string[] {
  if (id === undefined) return []
  if (!/^\d{1,10}$/.test(id)) throw wrong(`${key}=${id}: must be a number`)
  return [`${word}=${id}`]
}

export function draftNetwork(draft: Draft): void {
  const { source, group } = draft
  const { unit } = source
  const name = unit.text(group, 'NetworkName') ?? resourceName(source.name)
  if (unit.boolean(group, 'NetworkDeleteOnStop') === true)
    addCommand(draft, 'ExecStopPost', [...baseCommand(draft), 'network', 'rm', name])
  addCommand(draft, 'ExecStart', [
    ...baseCommand(draft),
    'network',
    'create',
    '--ignore',
    ...flagOptions(draft, { DisableDNS: '--disable-dns', Internal: '--internal', IPv6: '--ipv6' }),
    ...textOptions(draft, { Driver: '--driver', IPAMDriver: '--ipam-driver', InterfaceName: '--interface-name' }),
    ...listOptions(draft, { DNS: '--dns' }),
    ...subnetOptions(draft),
    ...pairOptions(draft, { Options: '--opt', Label: '--label' }),
    ...unit.words(group, 'PodmanArgs'),
    name,
  ])
  describeOneshot(draft, true)
}

function subnetOptions({ source, group }: Draft): string[] {
  const subnets = source.unit.all(group, 'Subnet')
  const gateways = source.unit.all(group, 'Gateway')
  const ranges = source.unit.all(group, 'IPRange')
  for (const [key, values] of [
    ['Gateway', gateways],
    ['IPRange', ranges],
  ] as const)
    if (values.length > subnets.length)
      throw wrong(`${key}=: found ${values.length}, must be at most one for each Subnet= (${subnets.length})`)
  return subnets.flatMap((subnet, index) => [
    '--subnet',
    subnet,
    ...(gateways[index] === undefined ? [] : ['--gateway', gateways[index]]),
    ...(ranges[index] === undefined ? [] : ['--ip-range', ranges[index]]),
  ])
}

export function draftImage(draft: Draft): void {
  const { source, group } = draft
  const image = source.unit.text(group, 'Image')
  if (image === undefined) throw wrong('Image= is not set')
  addCommand(draft, 'ExecStart', [
    ...baseCommand(draft),
    'image',
    'pull',
    ...textOptions(draft, {
      Arch: '--arch',
      AuthFile: '--authfile',
      CertDir: '--cert-dir',
      Creds: '--creds',
      DecryptionKey: '--decryption-key',
      OS: '--os',
      Policy: '--policy',
      Variant: '--variant',
      Retry: '--retry',
      RetryDelay: '--retry-delay',
    }),
    ...flagOptions(draft, { AllTags: '--all-tags', TLSVerify: '--tls-verify' }),
    ...source.unit.words(group, 'PodmanArgs'),
    image,
  ])
  describeOneshot(draft, true)
}
