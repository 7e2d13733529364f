// Lints a Containerfile: the checks of `build --check`. Pure.
//
// Rules and words are those of BuildKit (frontend/dockerfile/linter), so that `# check=skip=…` comments mean the same here.
import { ignoreRules } from '#build/context/ignore.ts'
import type { Containerfile, Stage } from '#build/parse/containerfile.ts'
import type { CopyInstruction, Instruction } from '#build/parse/instruction.ts'
import type { WholeLine } from '#build/parse/lines.ts'
import { substitute } from '#build/parse/substitute.ts'
import { rawWords } from '#build/parse/words.ts'
import { type GivenArgs, globalScope, platformArgs } from '#build/plan/scope.ts'
import { parsePlatform } from '#oci/platform.ts'
import { parseReference } from '#oci/reference.ts'
import { checkSettings, type RuleName } from './rules.ts'
import { suggestion, unknownNames } from './variables.ts'

export interface Warning {
  rule: RuleName
  detail: string
  startLine: number
  endLine: number
}

export interface CheckInputs {
  file: Containerfile
  args: GivenArgs
  /** lines of the context's ignore file */
  ignore: readonly string[]
  /** names of variables that an image sets; `undefined` where it is not known here, and then nothing is said about variables */
  baseNames: (image: string) => readonly string[] | undefined
}

/** All warnings, in the order of the file. */
export function checkContainerfile(inputs: CheckInputs): Warning[] {
  const checker = new Checker(inputs)
  checker.run()
  return checker.warnings.toSorted((a, b) => a.startLine - b.startLine)
}

interface StageFacts {
  /** variables that are known at its end; `undefined`: no telling */
  names: Set<string> | undefined
  hasShell: boolean
  hasWorkdir: boolean
}

class Checker {
  readonly warnings: Warning[] = []
  readonly #inputs: CheckInputs
  readonly #stages = new Map<string, StageFacts>()

  constructor(inputs: CheckInputs) {
    this.#inputs = inputs
  }

  run(): void {
    const { file } = this.#inputs
    const lines = allLines(file)
    this.#checkCasing(lines)
    for (const number of file.emptyContinuations) {
      const line = lines.findLast(({ startLine }) => startLine <= number)
      if (line !== undefined) this.#warn(line, 'NoEmptyContinuation', 'Empty continuation line')
    }
    for (const argument of file.globalArgs) this.#checkArg(argument)
    const known = new Set<string>()
    for (const stage of file.stages) {
      this.#checkFrom(stage, known)
      const facts = this.#checkStage(stage)
      if (stage.name !== undefined) {
        this.#stages.set(stage.name, facts)
        known.add(stage.name)
      }
    }
  }

  #warn(line: WholeLine, rule: RuleName, detail: string): void {
    const { file } = this.#inputs
    const own = commentsAbove(line).findLast(text => /^check\s*=/.test(text))
    if (checkSettings(file.directives.check, own?.replace(/^check\s*=/, '')).skips(rule)) return
    const { startLine, endLine } = line
    if (this.warnings.some(each => each.rule === rule && each.detail === detail && each.startLine === startLine)) return
    this.warnings.push({ rule, detail, startLine, endLine })
  }

  #checkCasing(lines: readonly WholeLine[]): void {
    const words = lines.map(line => ({ line, word: keywordOf(line) }))
    const lower = words.filter(({ word }) => word === word.toLowerCase()).length
    const upper = words.filter(({ word }) => word === word.toUpperCase()).length
    const isLower = lower > upper
    for (const { line, word } of words)
      if (word !== (isLower ? word.toLowerCase() : word.toUpperCase()))
        this.#warn(
          line,
          'ConsistentInstructionCasing',
          `Command '${word}' should match the case of the command majority (${isLower ? 'lowercase' : 'uppercase'})`,
        )
  }

  #checkFrom({ from }: Stage, known: ReadonlySet<string>): void {
    const { line, name } = from
    const words = rawWords(line.text, this.#escape).map(({ text }) => text)
    const as = name === undefined ? undefined : words.at(-2)
    const written = name === undefined ? undefined : words.at(-1)
    const keyword = words[0] ?? ''
    if (written !== undefined && written !== written.toLowerCase())
      this.#warn(line, 'StageNameCasing', `Stage name '${written}' should be lowercase`)
    const isLower = keyword === keyword.toLowerCase()
    const isPlain = isLower || keyword === keyword.toUpperCase()
    if (as !== undefined && isPlain && as !== (isLower ? as.toLowerCase() : as.toUpperCase()))
      this.#warn(line, 'FromAsCasing', `'${as}' and '${keyword}' keywords' casing do not match`)
    if (name === 'scratch' || name === 'context')
      this.#warn(line, 'ReservedStageName', `Stage name should not use the same name as reserved stage "${name}"`)
    if (name !== undefined && known.has(name))
      this.#warn(line, 'DuplicateStageName', `Duplicate stage name "${name}", stage names should be unique`)
    if (name !== undefined) this.#checkDescription(line, 'FROM', [name])
    this.#checkFromWords(from)
  }

  #checkFromWords({ line, image, platform, name }: Stage['from']): void {
    const { file, args } = this.#inputs
    const { escape } = file.directives
    const known = new Set([
      ...platformArgs(args).keys(),
      ...file.globalArgs.flatMap(({ items }) => items.map(each => each.name)),
    ])
    for (const word of [image, platform ?? ''])
      for (const unknown of unknownNames(word, each => known.has(each), escape))
        this.#warn(
          line,
          'UndefinedArgInFrom',
          `FROM argument '${unknown}' is not declared${suggestion(unknown, known)}`,
        )
    const defaults = globalScope(file, { ...args, given: new Map() })
    if (!isReference(quietly(() => substitute(image, defaults.lookup, escape))))
      this.#warn(
        line,
        'InvalidDefaultArgInFrom',
        `Default value for ARG ${image} results in empty or invalid base image name`,
      )
    if (platform === undefined) return
    if (/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(platform))
      this.#warn(
        line,
        'RedundantTargetPlatform',
        `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
      )
    const constant = platform.includes('$') ? undefined : quietly(() => parsePlatform(platform, args.buildPlatform))
    if (constant !== undefined && !name?.includes(constant.os) && !name?.includes(constant.architecture))
      this.#warn(
        line,
        'FromPlatformFlagConstDisallowed',
        `FROM --platform flag should not use constant value "${platform}"`,
      )
  }

  #checkStage(stage: Stage): StageFacts {
    const facts = this.#baseOf(stage)
    const last = new Map<string, WholeLine>()
    for (const instruction of stage.instructions) {
      this.#checkVariables(instruction, facts.names)
      this.#checkInstruction(instruction, facts)
      const { kind, line } = instruction
      if (kind !== 'cmd' && kind !== 'entrypoint' && kind !== 'healthcheck') continue
      const before = last.get(kind)
      if (before !== undefined)
        this.#warn(
          before,
          'MultipleInstructionsDisallowed',
          `Multiple ${kind.toUpperCase()} instructions should not be used in the same stage because only the last one will be used`,
        )
      last.set(kind, line)
    }
    return facts
  }

  #baseOf({ from }: Stage): StageFacts {
    const { file, args, baseNames } = this.#inputs
    const image = quietly(() => substitute(from.image, globalScope(file, args).lookup, this.#escape)) ?? ''
    const stage = this.#stages.get(image.toLowerCase())
    if (stage !== undefined) return { ...stage, names: stage.names && new Set(stage.names) }
    const names = image === 'scratch' ? [] : baseNames(image)
    return { names: names && new Set(['PATH', ...names]), hasShell: false, hasWorkdir: false }
  }

  #checkInstruction(instruction: Instruction, facts: StageFacts): void {
    const { line } = instruction
    switch (instruction.kind) {
      case 'arg':
        this.#checkArg(instruction)
        for (const { name } of instruction.items) facts.names?.add(name)
        return
      case 'env':
      case 'label': {
        const keyword = instruction.kind.toUpperCase()
        const [, first] = rawWords(line.text, this.#escape)
        if (first !== undefined && !first.text.includes('='))
          this.#warn(
            line,
            'LegacyKeyValueFormat',
            `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`,
          )
        if (instruction.kind === 'label') return
        this.#checkSecrets(
          line,
          'ENV',
          instruction.pairs.map(({ key }) => key),
        )
        for (const { key } of instruction.pairs) facts.names?.add(key)
        return
      }
      case 'cmd':
      case 'entrypoint':
        if (instruction.command.form === 'shell' && instruction.command.text !== '' && !facts.hasShell)
          this.#warn(
            line,
            'JSONArgsRecommended',
            `JSON arguments recommended for ${instruction.kind.toUpperCase()} to prevent unintended behavior related to OS signals`,
          )
        return
      case 'shell':
        facts.hasShell = true
        return
      case 'maintainer':
        return this.#warn(line, 'MaintainerDeprecated', 'Maintainer instruction is deprecated in favor of using label')
      case 'workdir':
        if (!facts.hasWorkdir && !/^["']?[/$]/.test(instruction.value))
          this.#warn(
            line,
            'WorkdirRelativePath',
            `Relative workdir "${instruction.value}" can have unexpected results if the base image changes`,
          )
        facts.hasWorkdir = true
        return
      case 'expose':
        return this.#checkExpose(line, instruction.text)
      case 'copy':
      case 'add':
        return this.#checkIgnored(instruction)
      case 'from':
      case 'run':
      case 'volume':
      case 'user':
      case 'stopsignal':
      case 'healthcheck':
      case 'onbuild':
        return
    }
  }

  #checkVariables(instruction: Instruction, names: ReadonlySet<string> | undefined): void {
    if (names === undefined) return
    for (const unknown of new Set(
      substitutedWords(instruction).flatMap(text => unknownNames(text, name => names.has(name), this.#escape)),
    ))
      this.#warn(
        instruction.line,
        'UndefinedVar',
        `Usage of undefined variable '$${unknown}'${suggestion(unknown, names, '$')}`,
      )
  }

  #checkArg({ line, items }: Extract<Instruction, { kind: 'arg' }>): void {
    const names = items.map(({ name }) => name)
    this.#checkSecrets(line, 'ARG', names)
    this.#checkDescription(line, 'ARG', names)
  }

  #checkSecrets(line: WholeLine, keyword: string, names: readonly string[]): void {
    for (const name of names)
      if (secretName.test(name) && !harmlessName.test(name))
        this.#warn(
          line,
          'SecretsUsedInArgOrEnv',
          `Do not use ARG or ENV instructions for sensitive data (${keyword} "${name}")`,
        )
  }

  #checkDescription(line: WholeLine, keyword: string, names: readonly string[]): void {
    const text = commentsAbove(line).at(-1)
    if (text === undefined || text === '' || names.includes(text.split(' ')[0] ?? '')) return
    const wanted = names.length > 1 ? '<arg_key>' : (names[0] ?? '')
    this.#warn(
      line,
      'InvalidDefinitionDescription',
      `Comment for ${keyword} should follow the format: \`# ${wanted} <description>\``,
    )
  }

  #checkExpose(line: WholeLine, text: string): void {
    for (const { text: word } of rawWords(text, this.#escape)) {
      const [ports = '', protocol = ''] = word.split('/')
      if (protocol !== protocol.toLowerCase())
        this.#warn(line, 'ExposeProtoCasing', `Defined protocol '${word}' in EXPOSE instruction should be lowercase`)
      if (ports.includes(':') && !ports.includes('$'))
        this.#warn(
          line,
          'ExposeInvalidFormat',
          `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`,
        )
    }
  }

  /** With exceptions (`!`) there is no telling without looking at files. */
  #checkIgnored({ kind, line, from, sources }: CopyInstruction): void {
    const { ignore } = this.#inputs
    if (from !== undefined || ignore.length === 0 || ignore.some(each => each.startsWith('!'))) return
    const rules = ignoreRules(ignore)
    for (const source of sources) {
      if (source.startsWith('<<') || /^[a-z+]+:\/\//i.test(source)) continue
      const path = source.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '')
      const isRoot = path === '' || path === '.'
      if (isRoot ? ignore.some(each => /^(?:\*|\*\*|\*\*\/\*)$/.test(each)) : rules.ignores(path))
        this.#warn(
          line,
          'CopyIgnoredFile',
          `Attempting to ${kind === 'add' ? 'Add' : 'Copy'} file "${isRoot ? '.' : path}" that is excluded by .dockerignore`,
        )
    }
  }

  get #escape(): string {
    return this.#inputs.file.directives.escape
  }
}

const words = (...each: string[]): RegExp => new RegExp(`(?:_|^)(?:${each.join('|')})(?:_|$)`, 'i')
const secretName = words('apikey', 'auth', 'credentials?', 'key', 'password', 'pword', 'passwd', 'secret', 'token')
const harmlessName = words('public', 'file', 'version')

const keywordOf = (line: WholeLine): string => /^\S*/.exec(line.text)?.[0] ?? ''

function allLines({ globalArgs, stages }: Containerfile): WholeLine[] {
  return [
    ...globalArgs.map(({ line }) => line),
    ...stages.flatMap(({ from, instructions }) => [from.line, ...instructions.map(({ line }) => line)]),
  ]
}

/** The comments right above an instruction, without their marks, in order. */
function commentsAbove({ file, startLine }: WholeLine): string[] {
  const comments: string[] = []
  for (let index = startLine - 2; index >= 0; index--) {
    const text = /^\s*#(.*)$/.exec(file.lines[index] ?? '')?.[1]
    if (text === undefined) break
    comments.unshift(text.trim())
  }
  return comments
}

/** The words of an instruction in which variables are replaced. */
function substitutedWords(instruction: Instruction): string[] {
  switch (instruction.kind) {
    case 'env':
    case 'label':
      return instruction.pairs.flatMap(({ key, value }) => [key, value])
    case 'arg':
      return instruction.items.flatMap(({ value }) => (value === undefined ? [] : [value]))
    case 'copy':
    case 'add':
      return [...instruction.sources, instruction.destination, instruction.chown ?? '', instruction.chmod ?? '']
    case 'run':
      return instruction.mounts
    case 'expose':
      return [instruction.text]
    case 'volume':
      return instruction.words
    case 'user':
    case 'workdir':
    case 'stopsignal':
      return [instruction.value]
    case 'from':
    case 'cmd':
    case 'entrypoint':
    case 'shell':
    case 'maintainer':
    case 'healthcheck':
    case 'onbuild':
      return []
  }
}

/** The value, or `undefined` for what the build itself will complain about. */
function quietly<T>(body: () => T): T | undefined {
  try {
    return body()
  } catch {
    return undefined // the build tells it, with its place
  }
}

function isReference(text: string | undefined): boolean {
  if (text === undefined || text === '') return false
  return text === 'scratch' || quietly(() => parseReference(text)) !== undefined
}
