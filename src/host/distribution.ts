// Which distribution this is, and how a helper is installed on it.
import { readFileSync } from 'node:fs'
import type { HelperName } from './helper-programs.ts'

/** The fields of os-release(5) that matter. */
export interface Distribution {
  /** `debian`, `fedora`, `rhel` …; `linux` where the file does not say */
  id: string
  /** distributions that this one is made like */
  like: string[]
  version: string
  codename: string
}

export function readDistribution(): Distribution {
  for (const path of ['/etc/os-release', '/usr/lib/os-release'])
    try {
      return parseOsRelease(readFileSync(path, 'utf8'))
    } catch {
      // the second place is the older machine's
    }
  return parseOsRelease('')
}

/** os-release(5): shell assignments, values with or without quotes. */
export function parseOsRelease(text: string): Distribution {
  const fields = new Map<string, string>()
  for (const [, name = '', value = ''] of text.matchAll(/^([A-Z0-9_]+)=(.*?)\s*$/gm))
    fields.set(name, value.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(.)/g, '$1'))
  return {
    id: fields.get('ID') ?? 'linux',
    like: (fields.get('ID_LIKE') ?? '').split(' ').filter(word => word !== ''),
    version: fields.get('VERSION_ID') ?? '',
    codename: fields.get('VERSION_CODENAME') ?? '',
  }
}

type Family = 'debian' | 'fedora' | 'suse' | 'arch' | 'alpine'

const installers: Record<Family, string> = {
  debian: 'sudo apt-get install -y',
  fedora: 'sudo dnf install -y',
  suse: 'sudo zypper install -y',
  arch: 'sudo pacman -S --noconfirm',
  alpine: 'sudo apk add',
}

const packages: Record<HelperName, Record<Family, string>> = {
  newuidmap: { debian: 'uidmap', fedora: 'shadow-utils', suse: 'shadow', arch: 'shadow', alpine: 'shadow-subids' },
  newgidmap: { debian: 'uidmap', fedora: 'shadow-utils', suse: 'shadow', arch: 'shadow', alpine: 'shadow-subids' },
  slirp4netns: same('slirp4netns'),
  pasta: same('passt'),
  'fuse-overlayfs': same('fuse-overlayfs'),
  fusermount3: same('fuse3'),
}

function same(name: string): Record<Family, string> {
  return { debian: name, fedora: name, suse: name, arch: name, alpine: name }
}

/** The command that installs the package with this helper; in words where the distribution is not known. */
export function installCommand(helper: HelperName, distribution: Distribution): string {
  const family = familyOf(distribution)
  if (family === undefined) return `install the package that holds ${helper} (${packages[helper].debian} on Debian)`
  return `${installers[family]} ${packages[helper][family]}`
}

function familyOf({ id, like }: Distribution): Family | undefined {
  for (const name of [id, ...like]) {
    if (name === 'debian' || name === 'ubuntu') return 'debian'
    if (name === 'fedora' || name === 'rhel' || name === 'centos') return 'fedora'
    if (name === 'suse' || name.startsWith('opensuse') || name === 'sles') return 'suse'
    if (name === 'arch') return 'arch'
    if (name === 'alpine') return 'alpine'
  }
  return undefined
}
