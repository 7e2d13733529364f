// The names in an archive, cut into the folder and the last name. Pure.
import { TspodError } from '#errors.ts'
import { type ByteName, nameText } from '#sys/byte-name.ts'

export interface SplitPath {
  /** without a slash at either end; '' is the root */
  path: ByteName
  parent: ByteName
  /** '' for the root itself */
  base: ByteName
}

/** Absolute names count from the layer's root, `.` and double slashes vanish. Throws INVALID for a name with `..`. */
export function splitPath(name: ByteName): SplitPath {
  const path = isPlain(name) ? name : normalise(name)
  const cut = path.lastIndexOf('/')
  return { path, parent: cut === -1 ? '' : path.slice(0, cut), base: path.slice(cut + 1) }
}

const unusual = /(^|\/)(\.{0,2})(\/|$)/

function isPlain(name: ByteName): boolean {
  return !unusual.test(name)
}

function normalise(name: ByteName): ByteName {
  const parts = name.split('/').filter(part => part !== '' && part !== '.')
  if (parts.includes('..'))
    throw new TspodError('INVALID', `the archive has an entry named "${nameText(name)}", names must not contain ".."`, {
      hint: 'an archive like this tries to write outside its folder; do not trust where it comes from',
    })
  return parts.join('/')
}
