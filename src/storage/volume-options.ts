// Options of a volume, as mount(8) has them: `type=tmpfs`, `type=none` with `o=bind` and `device=PATH` (podman-volume-create(1), --opt). Pure.
import { TspodError } from '#errors.ts'

/** What a container mounts for a volume. */
export type VolumeMount =
  /** the volume's own folder */
  | { kind: 'folder'; uid?: number; gid?: number }
  /** another folder of this machine */
  | { kind: 'bind'; device: string; options: string[] }
  /** memory: every container gets its own, empty */
  | { kind: 'tmpfs'; options: string[] }

const bindWords = ['bind', 'rbind', 'ro', 'rw', 'nosuid', 'suid', 'nodev', 'dev', 'noexec', 'exec']
const tmpfsWords =
  /^(size=\d+[kmgKMG%]?|mode=[0-7]{3,4}|uid=\d+|gid=\d+|nr_inodes=\d+[kmgKMG]?|nr_blocks=\d+[kmgKMG]?|ro|rw|nosuid|nodev|noexec|exec)$/

/** Decides from the options of `volume create`. Throws UNSUPPORTED for kinds of volumes there are not, INVALID. */
export function parseVolumeOptions(name: string, options: Readonly<Record<string, string>>): VolumeMount {
  const refuse = (code: 'INVALID' | 'UNSUPPORTED', found: string): never => {
    throw new TspodError(code, `volume "${name}": ${found}`, {
      hint: 'volumes are folders of the store, type=tmpfs, or type=none with o=bind and device=PATH',
    })
  }
  for (const key of Object.keys(options))
    if (!['type', 'device', 'o'].includes(key)) refuse('UNSUPPORTED', `the option "${key}" is not supported`)
  const { type = '', device = '', o = '' } = options
  const words = o.split(',').filter(word => word !== '')
  if (type === 'tmpfs') {
    const wrong = words.find(word => !tmpfsWords.test(word))
    if (wrong !== undefined) refuse('INVALID', `"${wrong}" in o=${o} is no option of a tmpfs`)
    return { kind: 'tmpfs', options: words }
  }
  if (words.includes('bind') || words.includes('rbind') || type === 'bind') return bindOf(device, words, refuse)
  if (type !== '' && type !== 'none')
    refuse('UNSUPPORTED', `type=${type}: mounting a file system takes an administrator`)
  if (device !== '') refuse('INVALID', `device=${device} without o=bind`)
  return folderOf(words, refuse)
}

type Refuse = (code: 'INVALID' | 'UNSUPPORTED', found: string) => never

function bindOf(device: string, words: string[], refuse: Refuse): VolumeMount {
  if (!device.startsWith('/')) refuse('INVALID', `o=bind needs device= with an absolute path, found "${device}"`)
  const wrong = words.find(word => !bindWords.includes(word))
  if (wrong !== undefined) refuse('INVALID', `"${wrong}" is no option of a bind mount`)
  return { kind: 'bind', device, options: words.filter(word => word !== 'bind' && word !== 'rbind') }
}

function folderOf(words: string[], refuse: Refuse): VolumeMount {
  const mount: VolumeMount = { kind: 'folder' }
  for (const word of words) {
    const [, key, id] = /^(uid|gid)=(\d{1,10})$/.exec(word) ?? []
    if (key === 'uid') mount.uid = Number(id)
    else if (key === 'gid') mount.gid = Number(id)
    else refuse('INVALID', `"${word}" in the option "o" needs type= and device=`)
  }
  return mount
}
