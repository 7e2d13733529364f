// The documented build checks, by BuildKit's names (docs.docker.com/reference/build-checks). Pure.

export const ruleNames = [
  'ConsistentInstructionCasing',
  'CopyIgnoredFile',
  'DuplicateStageName',
  'ExposeInvalidFormat',
  'ExposeProtoCasing',
  'FromAsCasing',
  'FromPlatformFlagConstDisallowed',
  'InvalidDefaultArgInFrom',
  'InvalidDefinitionDescription',
  'JSONArgsRecommended',
  'LegacyKeyValueFormat',
  'MaintainerDeprecated',
  'MultipleInstructionsDisallowed',
  'NoEmptyContinuation',
  'RedundantTargetPlatform',
  'ReservedStageName',
  'SecretsUsedInArgOrEnv',
  'StageNameCasing',
  'UndefinedArgInFrom',
  'UndefinedVar',
  'WorkdirRelativePath',
] as const

export type RuleName = (typeof ruleNames)[number]

/** Only where it is asked for: `# check=experimental=NAME`. */
export const experimentalRules: ReadonlySet<RuleName> = new Set(['InvalidDefinitionDescription'])

/** Where a rule is explained: its name in words. */
export function ruleUrl(rule: RuleName): string {
  const words = rule.replace('JSON', 'Json').replace(/(?!^)[A-Z]/g, letter => `-${letter}`)
  return `https://docs.docker.com/go/dockerfile/rule/${words.toLowerCase()}/`
}

/** What `# check=` says: which rules count. */
export interface CheckSettings {
  skips: (rule: RuleName) => boolean
  /** a warning ends the build */
  isError: boolean
}

/** `skip=A,B;error=true;experimental=all`, perhaps followed by a remark. Later texts add to earlier ones; nonsense counts for nothing. */
export function checkSettings(...texts: readonly (string | undefined)[]): CheckSettings {
  const skipped = new Set<string>()
  const wanted = new Set<string>()
  let isError = false
  for (const text of texts)
    for (const part of (text ?? '').trim().split(/\s/, 1).join('').split(';')) {
      const [key = '', value = ''] = part.split('=', 2)
      const names = value.split(',').map(name => name.trim())
      if (key === 'skip') for (const name of names) skipped.add(name)
      else if (key === 'experimental') for (const name of names) wanted.add(name)
      else if (key === 'error') isError = value === 'true' || value === '1'
    }
  return {
    isError,
    skips: rule =>
      experimentalRules.has(rule) ? !wanted.has('all') && !wanted.has(rule) : skipped.has('all') || skipped.has(rule),
  }
}
