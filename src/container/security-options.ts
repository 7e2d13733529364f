// --security-opt, text by text (run(1)). Pure.
import { TspodError } from '#errors.ts'

export interface SecurityOptions {
  noNewPrivileges: boolean
  /** `unconfined`, or the path of a profile; absent: the default one */
  seccomp?: string
  /** a profile's name, or `unconfined` */
  apparmor?: string
  label: { disabled: boolean; user?: string; role?: string; type?: string; level?: string; fileType?: string }
  mask: string[]
  /** paths and globs, or `ALL` */
  unmask: string[]
  /** mount options of /proc */
  procOptions: string[]
}

/** All --security-opt texts; a later one wins. Throws INVALID quoting the text. */
export function parseSecurityOptions(texts: readonly string[]): SecurityOptions {
  const options: SecurityOptions = {
    noNewPrivileges: false,
    label: { disabled: false },
    mask: [],
    unmask: [],
    procOptions: [],
  }
  for (const text of texts) takeOption(options, text)
  return options
}

function takeOption(options: SecurityOptions, text: string): void {
  const refuse = (why: string) => new TspodError('INVALID', `parsing --security-opt "${text}": ${why}`)
  // docker still takes `name:value`
  const [, name = text, separator, value = ''] = /^([a-z-]+)([=:])(.*)$/s.exec(text) ?? []
  if (name === 'no-new-privileges') {
    if (separator !== undefined && !/^(true|false)$/.test(value))
      throw refuse(`found "${value}", must be true or false`)
    options.noNewPrivileges = value !== 'false'
    return
  }
  if (value === '') throw refuse('must be of the form NAME=VALUE, or no-new-privileges')
  const paths = () =>
    value.split(':').map(path => {
      if (path.startsWith('/')) return path
      throw refuse(`"${path}" is no absolute path`)
    })
  switch (name) {
    case 'seccomp':
      options.seccomp = value
      break
    case 'apparmor':
      options.apparmor = value
      break
    case 'label':
      takeLabel(options, value, refuse)
      break
    case 'mask':
      options.mask.push(...paths())
      break
    case 'unmask':
      options.unmask.push(...(value.toUpperCase() === 'ALL' ? ['ALL'] : paths()))
      break
    case 'systempaths':
      if (value !== 'unconfined') throw refuse(`found "${value}", must be unconfined`)
      options.unmask.push('ALL')
      break
    case 'proc-opts':
      options.procOptions = value.split(',')
      checkProcOptions(options.procOptions, refuse)
      break
    default:
      throw refuse(
        `unknown name "${name}", must be apparmor, label, mask, no-new-privileges, proc-opts, seccomp, systempaths or unmask`,
      )
  }
}

function takeLabel(options: SecurityOptions, value: string, refuse: (why: string) => TspodError): void {
  if (value === 'disable') {
    options.label.disabled = true
    return
  }
  const [, key, word] = /^(user|role|type|level|filetype):(.+)$/.exec(value) ?? []
  if (key === undefined || word === undefined)
    throw refuse(`label is "${value}", must be disable, or user:, role:, type:, level: or filetype: with a value`)
  options.label = { ...options.label, [key === 'filetype' ? 'fileType' : key]: word }
}

/** Mount options of proc (proc(5)). */
function checkProcOptions(words: string[], refuse: (why: string) => TspodError): void {
  const odd = words.find(
    word => !/^(hidepid=(0|1|2|4|off|noaccess|invisible|ptraceable)|gid=[0-9]+|subset=pid)$/.test(word),
  )
  if (odd !== undefined) throw refuse(`unknown option "${odd}", must be hidepid=, gid= or subset=pid`)
}
