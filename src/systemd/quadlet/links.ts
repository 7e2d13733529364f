// What `systemctl enable` would make of [Install]: generated units cannot be enabled, so their links are made at once. Pure.
import type { Service } from './translate.ts'

/** A symbolic link below the folder of units, and its target, relative to it. */
export interface InstallLink {
  path: string
  target: string
}

export function installLinks({ name, unit }: Pick<Service, 'name' | 'unit'>): InstallLink[] {
  const aliases = unit
    .words('Install', 'Alias')
    .filter(isName)
    .map(alias => ({ path: alias, target: name }))
  const instance = instanceName(name, unit.text('Install', 'DefaultInstance'))
  if (instance === undefined) return aliases
  const wanted = (key: string, folder: string) =>
    unit
      .words('Install', key)
      .filter(isName)
      .map(other => ({ path: `${other}.${folder}/${instance}`, target: `../${name}` }))
  return [
    ...aliases,
    ...wanted('WantedBy', 'wants'),
    ...wanted('RequiredBy', 'requires'),
    ...wanted('UpheldBy', 'upholds'),
  ]
}

/** Names of units, never paths. */
const isName = (text: string): boolean => !text.includes('/') && text !== '' && !text.startsWith('.')

/** A template is only started as an instance. */
function instanceName(name: string, instance: string | undefined): string | undefined {
  if (!name.includes('@.')) return name
  return instance === undefined ? undefined : name.replace('@.', `@${instance}.`)
}
