// Go's text/template, second stage: tokens into a tree. Pure.
import { functionNames } from './functions.ts'
import { lexTemplate, type Token, type TokenKind, templateError } from './lexer.ts'
import { charValue, numberValue, stringValue } from './literals.ts'
import type { CommandNode, Node, Operand, Pipeline, Template } from './tree.ts'

type Ending = 'end' | 'else'
const keywords = new Set(['if', 'else', 'end', 'range', 'with', 'define', 'block', 'template', 'break', 'continue'])

/** Parses a template. Throws INVALID with line, column and the template's text. */
export function parseTemplate(text: string): Template {
  const parser = new Parser(text)
  const body = parser.list(undefined).nodes
  return { text, body, named: parser.named }
}

class Parser {
  readonly named = new Map<string, Node[]>()
  readonly #text: string
  readonly #tokens: Token[]
  #next = 0
  #loops = 0
  /** names in scope, innermost last */
  #variables: string[] = ['$']

  constructor(text: string) {
    this.#text = text
    this.#tokens = lexTemplate(text)
  }

  /** Nodes up to the `end` or `else` that closes them, or to the end of the template where `inside` is undefined. */
  list(inside: string | undefined): { nodes: Node[]; ending: Ending | undefined } {
    const nodes: Node[] = []
    for (;;) {
      const token = this.#take()
      if (token.kind === 'end') {
        if (inside !== undefined) throw this.#error(token, `unexpected EOF: "${inside}" has no "end"`)
        return { nodes, ending: undefined }
      }
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text })
        continue
      }
      this.#space()
      const word = this.#peek()
      if (word.kind === 'identifier' && keywords.has(word.text)) {
        this.#next++
        if (word.text === 'end' || word.text === 'else') {
          if (inside === undefined) throw this.#error(word, `unexpected {{${word.text}}}`)
          if (word.text === 'end') this.#close('end')
          return { nodes, ending: word.text }
        }
        const node = this.#control(word)
        if (node) nodes.push(node)
      } else {
        const pipeline = this.#pipeline('command', 'close')
        this.#take()
        nodes.push({ kind: 'action', pipeline })
      }
    }
  }

  #control(word: Token): Node | undefined {
    switch (word.text) {
      case 'if':
      case 'with':
      case 'range':
        return this.#branch(word.text)
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw this.#error(word, `{{${word.text}}} outside {{range}}`)
        this.#close(word.text)
        return { kind: word.text }
      case 'template': {
        const name = this.#name('template')
        const pipeline = this.#peek().kind === 'close' ? undefined : this.#pipeline('template', 'close')
        this.#close('template')
        return { kind: 'template', name, pipeline, at: word.at }
      }
      case 'define': {
        const name = this.#name('define')
        this.#close('define')
        this.named.set(name, this.#definition('define'))
        return undefined
      }
      default: {
        const name = this.#name('block')
        const pipeline = this.#pipeline('block', 'close')
        this.#close('block')
        this.named.set(name, this.#definition('block'))
        return { kind: 'template', name, pipeline, at: word.at }
      }
    }
  }

  #definition(inside: string): Node[] {
    const outer = this.#variables
    const loops = this.#loops
    this.#variables = ['$']
    this.#loops = 0
    const { nodes, ending } = this.list(inside)
    if (ending === 'else') throw this.#error(this.#peek(), `unexpected {{else}} in ${inside}`)
    this.#variables = outer
    this.#loops = loops
    return nodes
  }

  #branch(kind: 'if' | 'with' | 'range'): Node {
    const depth = this.#variables.length
    const pipeline = this.#pipeline(kind, 'close')
    this.#close(kind)
    if (kind === 'range') this.#loops++
    const body = this.list(kind)
    if (kind === 'range') this.#loops--
    let otherwise: Node[] = []
    if (body.ending === 'else') {
      this.#space()
      const next = this.#peek()
      if (next.kind === 'identifier' && (next.text === 'if' || next.text === 'with') && next.text === kind) {
        this.#next++
        otherwise = [this.#branch(kind)]
      } else {
        this.#close('else')
        const rest = this.list(kind)
        if (rest.ending === 'else') throw this.#error(this.#peek(), 'expected end; found {{else}}')
        otherwise = rest.nodes
      }
    }
    this.#variables.length = depth
    return { kind, pipeline, body: body.nodes, otherwise }
  }

  #pipeline(context: string, end: TokenKind): Pipeline {
    this.#space()
    const at = this.#peek().at
    const { variables, isAssignment } = this.#declarations(context)
    const commands: CommandNode[] = []
    for (;;) {
      this.#space()
      const token = this.#peek()
      if (token.kind === end) {
        if (commands.length === 0) throw this.#error(token, `missing value for ${context}`)
        break
      }
      commands.push(this.#command(end))
      if (this.#peek().kind !== 'pipe') continue
      const bar = this.#take()
      this.#space()
      if (this.#peek().kind === end) throw this.#error(bar, `missing command after "|" in ${context}`)
    }
    for (const [index, command] of commands.entries()) {
      const first = command.words[0]
      if (index > 0 && first && ['literal', 'nil', 'dot'].includes(first.kind))
        throw templateError(this.#text, first.at, `non executable command in pipeline stage ${index + 1}`)
    }
    for (const name of isAssignment ? [] : variables) this.#variables.push(name)
    return { commands, variables, isAssignment, at, source: this.#source(at) }
  }

  #declarations(context: string): { variables: string[]; isAssignment: boolean } {
    const start = this.#next
    const variables: string[] = []
    while (this.#peek().kind === 'variable') {
      variables.push(this.#take().text)
      this.#space()
      const sign = this.#peek()
      if (sign.kind === 'declare' || sign.kind === 'assign') {
        this.#next++
        if (sign.kind === 'assign') for (const name of variables) this.#known(name, sign)
        if (variables.length > 1 && context !== 'range') throw this.#error(sign, `too many declarations in ${context}`)
        return { variables, isAssignment: sign.kind === 'assign' }
      }
      if (sign.kind !== 'comma' || context !== 'range' || variables.length > 1) break
      this.#next++
      this.#space()
    }
    this.#next = start
    return { variables: [], isAssignment: false }
  }

  #command(end: TokenKind): CommandNode {
    const at = this.#peek().at
    const words: Operand[] = []
    for (;;) {
      this.#space()
      const token = this.#peek()
      if (token.kind === end || token.kind === 'pipe') break
      words.push(this.#operand())
      const after = this.#peek().kind
      if (after !== 'space' && after !== 'pipe' && after !== end)
        throw this.#error(this.#peek(), `unexpected ${this.#show(this.#peek())} in operand`)
    }
    if (words.length === 0) throw this.#error(this.#peek(), 'empty command')
    return { words, at, source: this.#source(at) }
  }

  #operand(): Operand {
    const first = this.#take()
    const base = this.#term(first)
    const path: string[] = []
    while (this.#peek().kind === 'field') path.push(this.#take().text)
    if (path.length === 0) return base
    const source = this.#text.slice(base.at, this.#peek().at)
    if (base.kind === 'field' || base.kind === 'variable') return { ...base, path: [...base.path, ...path], source }
    if (base.kind === 'literal' || base.kind === 'nil' || base.kind === 'dot')
      throw this.#error(first, `unexpected . after term ${JSON.stringify(base.source)}`)
    return { kind: 'chain', base, path, at: base.at, source }
  }

  #term(token: Token): Operand {
    const place = { at: token.at, source: this.#text.slice(token.at, this.#peek().at) }
    if (token.kind === 'leftParen') {
      const pipeline = this.#pipeline('parenthesized pipeline', 'rightParen')
      const close = this.#take()
      return { kind: 'pipeline', pipeline, at: token.at, source: this.#text.slice(token.at, close.at + 1) }
    }
    if (token.kind === 'dot') return { kind: 'dot', ...place }
    if (token.kind === 'field') return { kind: 'field', path: [token.text], ...place }
    if (token.kind === 'variable') {
      this.#known(token.text, token)
      return { kind: 'variable', name: token.text, path: [], ...place }
    }
    if (token.kind === 'number') return { kind: 'literal', value: numberValue(token.text), ...place }
    if (token.kind === 'char') return { kind: 'literal', value: charValue(token.text), ...place }
    if (token.kind === 'string') return { kind: 'literal', value: stringValue(token.text), ...place }
    if (token.kind !== 'identifier' || keywords.has(token.text))
      throw this.#error(token, `unexpected ${this.#show(token)} in operand`)
    if (token.text === 'nil') return { kind: 'nil', ...place }
    if (token.text === 'true' || token.text === 'false')
      return { kind: 'literal', value: token.text === 'true', ...place }
    if (!functionNames.has(token.text)) throw this.#error(token, `function "${token.text}" not defined`)
    return { kind: 'function', name: token.text, ...place }
  }

  #known(name: string, token: Token): void {
    if (!this.#variables.includes(name)) throw this.#error(token, `undefined variable "${name}"`)
  }

  #name(context: string): string {
    this.#space()
    const token = this.#take()
    if (token.kind !== 'string') throw this.#error(token, `unexpected ${this.#show(token)} in ${context} clause`)
    this.#space()
    return stringValue(token.text)
  }

  #close(context: string): void {
    this.#space()
    const token = this.#take()
    if (token.kind !== 'close') throw this.#error(token, `unexpected ${this.#show(token)} in ${context}`)
  }

  #space(): void {
    while (this.#peek().kind === 'space') this.#next++
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: this.#text.length }
  }

  #take(): Token {
    const token = this.#peek()
    this.#next++
    return token
  }

  #show(token: Token): string {
    return token.kind === 'end' ? 'EOF' : `"${token.kind === 'field' ? '.' : ''}${token.text}"`
  }

  /** The text from `from` up to the next token, trimmed: what messages quote. */
  #source(from: number): string {
    return this.#text.slice(from, this.#peek().at).trim()
  }

  #error(token: Token, problem: string) {
    return templateError(this.#text, token.at, problem)
  }
}
