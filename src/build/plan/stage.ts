// Decides a stage: its instructions against the configuration of its base, variables replaced, as steps. Pure.
import type { CopyInstruction, Instruction, RunInstruction } from '#build/parse/instruction.ts'
import type { WholeLine } from '#build/parse/lines.ts'
import { parseRunMount, type RunMount } from '#build/parse/run-mount.ts'
import { type Lookup, substituteText, substituteWords } from '#build/parse/substitute.ts'
import { unquote } from '#build/parse/words.ts'
import type { ExecutionConfig } from '#oci/image-config.ts'
import {
  commandOf,
  exposedPorts,
  healthcheckOf,
  setVariable,
  shellOf,
  stopSignal,
  workdirAfter,
} from './image-config.ts'
import { atLine, type GivenArgs, type GlobalScope, platformArgs, proxyNames, replace } from './scope.ts'
import type { Action, CopyAction, CopySource, RunAction, Step } from './step.ts'

export interface StageBase {
  config: ExecutionConfig
  author?: string
}

export interface StageInputs {
  /** the image's ONBUILD instructions first */
  instructions: readonly Instruction[]
  base: StageBase
  args: GivenArgs
  globals: GlobalScope
  escape: string
  /** `--env`, `NAME=value` */
  env: readonly string[]
}

/** All steps of a stage, in order. Throws INVALID with file, line and column. */
export function planStage(inputs: StageInputs): Step[] {
  const state = new StageState(inputs)
  return inputs.instructions.map(instruction => state.step(instruction))
}

class StageState {
  readonly #inputs: StageInputs
  readonly #platform: ReadonlyMap<string, string>
  /** declared in this stage */
  readonly #args = new Map<string, string>()
  #config: ExecutionConfig
  #author: string | undefined
  #isCommandSet = false

  constructor(inputs: StageInputs) {
    this.#inputs = inputs
    this.#platform = platformArgs(inputs.args)
    const { OnBuild: _triggers, ...config } = inputs.base.config
    this.#config = config
    this.#author = inputs.base.author
  }

  readonly #lookup: Lookup = name => {
    const entry = this.#config.Env?.findLast(each => each.startsWith(`${name}=`))
    return entry === undefined ? this.#args.get(name) : entry.slice(name.length + 1)
  }

  step(instruction: Instruction): Step {
    const { line } = instruction
    const keyword = instruction.kind.toUpperCase()
    const done = this.#apply(instruction)
    const shown = `${keyword} ${done.text}`.trim()
    return {
      line,
      instruction,
      shown,
      createdBy: done.createdBy ?? `/bin/sh -c #(nop) ${shown}`,
      config: this.#config,
      ...(this.#author !== undefined && { author: this.#author }),
      ...(done.action && { action: done.action }),
    }
  }

  #apply(instruction: Instruction): { text: string; createdBy?: string; action?: Action } {
    const { line } = instruction
    const word = (text: string): string => replace(line, text, this.#lookup, this.#inputs.escape)
    switch (instruction.kind) {
      case 'arg':
        return { text: instruction.items.map(item => this.#declare(line, item)).join(' ') }
      case 'env': {
        // all of one instruction see what was before it
        const pairs = instruction.pairs.map(({ key, value }) => [word(key), word(value)] as const)
        let env: readonly string[] = this.#config.Env ?? []
        for (const [key, value] of pairs) {
          if (key === '') throw line.error('ENV has an empty name')
          env = setVariable(env, key, value)
        }
        this.#change({ Env: [...env] })
        return { text: pairs.map(([key, value]) => `${key}=${value}`).join(' ') }
      }
      case 'label': {
        const pairs = instruction.pairs.map(({ key, value }) => [word(key), word(value)] as const)
        this.#change({ Labels: { ...this.#config.Labels, ...Object.fromEntries(pairs) } })
        return { text: pairs.map(([key, value]) => `${key}=${value}`).join(' ') }
      }
      case 'cmd':
        this.#isCommandSet = true
        this.#change({ Cmd: commandOf(instruction.command, this.#config) })
        return { text: JSON.stringify(this.#config.Cmd) }
      case 'entrypoint':
        this.#change({ Entrypoint: commandOf(instruction.command, this.#config) })
        // a new program does not take the arguments of the base's
        if (!this.#isCommandSet) this.#drop('Cmd')
        return { text: JSON.stringify(this.#config.Entrypoint) }
      case 'shell':
        this.#change({ Shell: instruction.list })
        return { text: JSON.stringify(instruction.list) }
      case 'expose': {
        const words = atLine(line, instruction.text, () =>
          substituteWords(instruction.text, this.#lookup, this.#inputs.escape),
        )
        this.#change({ ExposedPorts: { ...this.#config.ExposedPorts, ...exposedPorts(line, words) } })
        return { text: words.join(' ') }
      }
      case 'volume': {
        const paths = instruction.words.map(word)
        if (paths.some(path => path.trim() === '')) throw line.error('VOLUME has an empty path')
        this.#change({ Volumes: { ...this.#config.Volumes, ...Object.fromEntries(paths.map(path => [path, {}])) } })
        return { text: paths.join(' ') }
      }
      case 'user':
        this.#change({ User: this.#filled(line, 'USER', word(instruction.value)) })
        return { text: this.#config.User ?? '' }
      case 'workdir': {
        const path = workdirAfter(this.#config, this.#filled(line, 'WORKDIR', word(instruction.value)))
        this.#change({ WorkingDir: path })
        return { text: path, action: { kind: 'folder', path } }
      }
      case 'stopsignal':
        this.#change({ StopSignal: stopSignal(line, word(instruction.value)) })
        return { text: this.#config.StopSignal ?? '' }
      case 'maintainer':
        this.#author = instruction.value
        return { text: instruction.value }
      case 'healthcheck':
        this.#change({ Healthcheck: healthcheckOf(instruction) })
        return { text: line.text.replace(/^\S+\s*/, '') }
      case 'onbuild':
        this.#change({ OnBuild: [...(this.#config.OnBuild ?? []), instruction.text] })
        return { text: instruction.text }
      case 'run':
        return this.#run(instruction)
      case 'copy':
      case 'add':
        return this.#copy(instruction, word)
      case 'from':
        throw line.error('FROM cannot stand inside a stage')
    }
  }

  #filled(line: WholeLine, keyword: string, value: string): string {
    if (value === '') throw line.error(`${keyword} is empty once its variables are replaced`)
    return value
  }

  #change(change: Partial<ExecutionConfig>): void {
    this.#config = { ...this.#config, ...change }
  }

  #drop(key: keyof ExecutionConfig): void {
    const { [key]: _dropped, ...rest } = this.#config
    this.#config = rest
  }

  #declare(line: WholeLine, { name, value }: { name: string; value?: string }): string {
    const { args, globals, escape } = this.#inputs
    const written = value === undefined ? undefined : replace(line, value, this.#lookup, escape)
    const known = args.given.get(name) ?? written ?? globals.declared.get(name) ?? this.#platform.get(name)
    if (known !== undefined) this.#args.set(name, known)
    else this.#args.delete(name)
    return written === undefined ? name : `${name}=${written}`
  }

  /** What a RUN finds in its environment: build arguments, and what ENV says above them. */
  #environment(): { env: string[]; args: string[] } {
    const own = this.#config.Env ?? []
    const has = (name: string): boolean => own.some(each => each.startsWith(`${name}=`))
    const args = [...this.#args]
      .filter(([name]) => !has(name) && !this.#platform.has(name))
      .map(([name, value]) => `${name}=${value}`)
    const platform = [...this.#args]
      .filter(([name]) => !has(name) && this.#platform.has(name))
      .map(([name, value]) => `${name}=${value}`)
    return { env: [...args, ...platform, ...own, ...this.#inputs.env], args: [...args, ...platform] }
  }

  #run(instruction: RunInstruction): { text: string; createdBy: string; action: RunAction } {
    const { line, command } = instruction
    const { env, args } = this.#environment()
    const { argv, script, text } = this.#runProgram(instruction)
    const mounts = instruction.mounts.map(mount => this.#mount(line, mount))
    const visible = args.filter(each => !proxyNames.includes(each.slice(0, each.indexOf('='))))
    const prefix = visible.length === 0 ? '' : `|${visible.length} ${visible.join(' ')} `
    const flags = instruction.mounts.map(each => `--mount=${each} `).join('')
    return {
      text: `${flags}${text}`,
      createdBy: `${prefix}${command.form === 'exec' ? argv.join(' ') : [...shellOf(this.#config), text].join(' ')}`,
      action: {
        kind: 'run',
        args: argv,
        ...(script && { script }),
        env,
        user: this.#config.User ?? '',
        workdir: workdirAfter(this.#config, '.'),
        mounts,
        network: (instruction.network ?? 'default') as RunAction['network'],
      },
    }
  }

  /** A lone here-document is the script itself; otherwise the shell reads the documents as they stand. */
  #runProgram({ line, command }: RunInstruction): { argv: string[]; script?: RunAction['script']; text: string } {
    if (command.form === 'exec') return { argv: command.list, text: JSON.stringify(command.list) }
    const [only] = line.heredocs
    if (only === undefined) return { argv: [...shellOf(this.#config), command.text], text: command.text }
    const all = line.heredocs.map(({ content, name }) => `${content}${name}\n`).join('')
    const text = `${command.text}\n${all}`.trimEnd()
    if (command.text.trim() !== only.word || line.heredocs.length > 1)
      return { argv: [...shellOf(this.#config), `${command.text}\n${all}`], text }
    if (!only.content.startsWith('#!')) return { argv: [...shellOf(this.#config), only.content], text }
    const path = `/dev/pipes/${only.name}`
    return { argv: [path], script: { path, content: only.content }, text }
  }

  #mount(line: WholeLine, text: string): RunMount {
    try {
      const mount = parseRunMount(replace(line, text, this.#lookup, this.#inputs.escape))
      return 'target' in mount && mount.target !== undefined
        ? { ...mount, target: workdirAfter(this.#config, mount.target) }
        : mount
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('--mount=')) throw line.error(error.message, text)
      throw error
    }
  }

  #copy(
    instruction: CopyInstruction,
    word: (text: string) => string,
  ): { text: string; createdBy: string; action: CopyAction } {
    const { kind, line } = instruction
    const sources = instruction.sources.map(text => this.#source(instruction, text, word))
    const written = word(instruction.destination)
    const path = workdirAfter(this.#config, this.#filled(line, kind.toUpperCase(), written))
    const isFolder = /(?:^|\/)\.{0,2}$/.test(written)
    const destination = isFolder && path !== '/' ? `${path}/` : path
    const plain = sources.map(source =>
      source.kind === 'path' ? source.pattern : source.kind === 'inline' ? `<<${source.name}` : source.url,
    )
    const optional = (name: 'from' | 'chown' | 'chmod' | 'checksum'): Partial<CopyAction> => {
      const value = instruction[name]
      return value === undefined ? {} : { [name]: word(value) }
    }
    const { checksum } = optional('checksum')
    if (checksum !== undefined) checkChecksum(line, checksum, sources)
    const flags = (['from', 'chown', 'chmod'] as const).flatMap(name => {
      const value = instruction[name]
      return value === undefined ? [] : [`--${name}=${word(value)} `]
    })
    const [, typed = ''] = /^\S+\s+((?:--\S+\s+)*)/.exec(line.text) ?? []
    const operands = [...plain, written].join(' ')
    return {
      text: `${typed}${operands}`,
      createdBy: `/bin/sh -c #(nop) ${kind.toUpperCase()} ${flags.join('')}${operands}`,
      action: {
        kind: 'copy',
        unpack: instruction.unpack ?? kind === 'add',
        sources,
        destination,
        ...optional('from'),
        ...optional('chown'),
        ...optional('chmod'),
        ...(checksum !== undefined && { checksum }),
        link: instruction.link,
        parents: instruction.parents,
        exclude: instruction.exclude.map(word),
        keepGitDir: instruction.keepGitDir,
      },
    }
  }

  #source({ kind, line, from }: CopyInstruction, text: string, word: (text: string) => string): CopySource {
    const document = line.heredocs.find(each => each.word === text)
    if (document !== undefined) {
      const { name, content, expands } = document
      return {
        kind: 'inline',
        name,
        content: expands
          ? atLine(line, text, () => substituteText(content, this.#lookup, this.#inputs.escape))
          : content,
      }
    }
    const value = word(text)
    if (value === '' && unquote(text, this.#inputs.escape) !== '')
      throw line.error(`${kind.toUpperCase()} has a source that is empty once its variables are replaced`, text)
    if (kind === 'add' && from === undefined) {
      if (isGitUrl(value)) return { kind: 'git', url: value }
      if (/^https?:\/\//i.test(value)) return { kind: 'url', url: value }
    }
    return { kind: 'path', pattern: value }
  }
}

/** What BuildKit takes for a repository: its schemes, or a name that ends with .git. */
export function isGitUrl(text: string): boolean {
  return /^(?:git|ssh):\/\//.test(text) || /^git@[\w.-]+:/.test(text) || /^https?:\/\/[^#?]+\.git(?:#.*)?$/.test(text)
}

/** ADD --checksum: a digest of what a URL gives, or a commit of a repository. */
function checkChecksum(line: CopyInstruction['line'], checksum: string, sources: readonly CopySource[]): void {
  const [source, ...others] = sources
  if (others.length > 0 || (source?.kind !== 'url' && source?.kind !== 'git'))
    throw line.error('--checksum is for a single source that is a URL or a git repository', '--checksum')
  const isRight =
    source.kind === 'url' ? /^sha256:[0-9a-f]{64}$/.test(checksum) : /^(?:[0-9a-f]{7,40}|[0-9a-f]{64})$/.test(checksum)
  if (isRight) return
  const wanted = source.kind === 'url' ? 'sha256: and 64 hexadecimal digits' : 'a commit, 7 to 40 hexadecimal digits'
  throw line.error(`--checksum=${checksum} must be ${wanted}`, '--checksum')
}
