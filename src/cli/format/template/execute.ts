// Go's text/template, third stage: a tree and data to text. Pure.
import { TspodError } from '#errors.ts'
import { callFunction } from './functions.ts'
import { positionOf } from './lexer.ts'
import type { CommandNode, Node, Operand, Pipeline, Template } from './tree.ts'
import { findKey, isObject, isStruct, isTrue, printValue, TemplateObject, typeName } from './values.ts'

/** A list standing for no argument from a pipe; `undefined` is a value (`<no value>`). */
const nothing = Symbol('nothing')
/** Calls of templates within templates, against endless ones. */
const maximumDepth = 1000

type Flow = 'on' | 'break' | 'continue'

/** Runs a template over JSON data. Throws INVALID in Go's words, with line, column and the expression. */
export function executeTemplate(template: Template, data: unknown): string {
  const run = new Execution(template)
  run.walkAll(template.body, data)
  return run.output
}

class Execution {
  output = ''
  readonly #template: Template
  #variables: { name: string; value: unknown }[] = []
  #depth = 0
  /** the property each object was last reached under, which tells maps from structs */
  readonly #foundUnder = new WeakMap<object, string>()

  constructor(template: Template) {
    this.#template = template
  }

  walkAll(nodes: readonly Node[], data: unknown): void {
    const outer = this.#variables
    this.#variables = [{ name: '$', value: data }]
    this.#walk(nodes, data)
    this.#variables = outer
  }

  #walk(nodes: readonly Node[], dot: unknown): Flow {
    for (const node of nodes) {
      const flow = this.#step(node, dot)
      if (flow !== 'on') return flow
    }
    return 'on'
  }

  #step(node: Node, dot: unknown): Flow {
    switch (node.kind) {
      case 'text':
        this.output += node.text
        return 'on'
      case 'action': {
        const value = this.#pipeline(node.pipeline, dot)
        if (node.pipeline.variables.length === 0) this.output += printValue(value)
        return 'on'
      }
      case 'if':
      case 'with': {
        const depth = this.#variables.length
        const value = this.#pipeline(node.pipeline, dot)
        const flow = isTrue(value)
          ? this.#walk(node.body, node.kind === 'with' ? value : dot)
          : this.#walk(node.otherwise, dot)
        this.#variables.length = depth
        return flow
      }
      case 'range':
        return this.#range(node, dot)
      case 'template':
        this.#call(node, dot)
        return 'on'
      case 'break':
      case 'continue':
        return node.kind
    }
  }

  #range(node: Extract<Node, { kind: 'range' | 'if' | 'with' }>, dot: unknown): Flow {
    const depth = this.#variables.length
    const pipeline = node.pipeline
    const value = this.#pipeline({ ...pipeline, variables: [] }, dot)
    const items = this.#items(value, pipeline)
    if (items.length === 0) return this.#walk(node.otherwise, dot)
    for (const [key, item] of items) {
      const [first, second] = pipeline.variables
      if (second !== undefined) {
        this.#bind(first ?? '', key, pipeline.isAssignment)
        this.#bind(second, item, pipeline.isAssignment)
      } else if (first !== undefined) this.#bind(first, item, pipeline.isAssignment)
      const flow = this.#walk(node.body, item)
      this.#variables.length = depth
      if (flow === 'break') break
    }
    return 'on'
  }

  #items(value: unknown, pipeline: Pipeline): [unknown, unknown][] {
    if (value === null || value === undefined) return []
    if (Array.isArray(value)) return value.map((item, index) => [index, item])
    if (typeof value === 'number' && Number.isInteger(value))
      return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index])
    if (isObject(value))
      return Object.keys(value)
        .sort()
        .map(key => [key, value[key]])
    throw this.#error(pipeline, `range can't iterate over ${printValue(value)}`)
  }

  #call(node: Extract<Node, { kind: 'template' }>, dot: unknown): void {
    const body = this.#template.named.get(node.name)
    const place = { at: node.at, source: `template "${node.name}"` }
    if (!body) throw this.#error(place, `template "${node.name}" not defined`)
    const data = node.pipeline ? this.#pipeline(node.pipeline, dot) : undefined
    if (++this.#depth > maximumDepth) throw this.#error(place, `exceeded maximum template depth (${maximumDepth})`)
    this.walkAll(body, data)
    this.#depth--
  }

  #pipeline(pipeline: Pipeline, dot: unknown): unknown {
    let value: unknown = nothing
    for (const command of pipeline.commands) value = this.#command(command, dot, value)
    for (const name of pipeline.variables) this.#bind(name, value, pipeline.isAssignment)
    return value
  }

  #bind(name: string, value: unknown, isAssignment: boolean): void {
    const known = isAssignment ? this.#variables.findLast(variable => variable.name === name) : undefined
    if (known) known.value = value
    else this.#variables.push({ name, value })
  }

  #command(command: CommandNode, dot: unknown, piped: unknown): unknown {
    const [first, ...rest] = command.words
    if (!first) throw this.#error(command, 'empty command')
    if (first.kind === 'function') return this.#function(first, rest, dot, piped)
    if (rest.length > 0 || piped !== nothing) {
      const callee = this.#operand(first, dot, true)
      if (typeof callee !== 'function') throw this.#error(first, `can't give argument to non-function ${first.source}`)
      return this.#invoke(callee as (...values: unknown[]) => unknown, first, this.#arguments(rest, dot, piped))
    }
    if (first.kind === 'nil') throw this.#error(first, 'nil is not a command')
    return this.#operand(first, dot)
  }

  #arguments(words: Operand[], dot: unknown, piped: unknown): unknown[] {
    const values = words.map(word => this.#operand(word, dot))
    return piped === nothing ? values : [...values, piped]
  }

  #function(node: Extract<Operand, { kind: 'function' }>, words: Operand[], dot: unknown, piped: unknown): unknown {
    if (node.name !== 'and' && node.name !== 'or')
      return this.#invoke((...values) => callFunction(node.name, values), node, this.#arguments(words, dot, piped))
    const thunks = words.map(word => () => this.#operand(word, dot))
    if (piped !== nothing) thunks.push(() => piped)
    if (thunks.length === 0) throw this.#error(node, `wrong number of args for ${node.name}: want at least 1 got 0`)
    let value: unknown
    for (const thunk of thunks) {
      value = thunk()
      if (isTrue(value) === (node.name === 'or')) break
    }
    return value
  }

  #invoke(callee: (...values: unknown[]) => unknown, node: Operand, values: unknown[]): unknown {
    try {
      return callee(...values)
    } catch (error) {
      if (error instanceof TspodError) throw error
      const name = node.kind === 'function' ? node.name : node.source
      throw this.#error(node, `error calling ${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #operand(node: Operand, dot: unknown, uncalled = false): unknown {
    switch (node.kind) {
      case 'dot':
        return dot
      case 'nil':
        return null
      case 'literal':
        return node.value
      case 'field':
        return this.#fields(dot, node, node.path, uncalled)
      case 'variable': {
        const value = this.#variables.findLast(variable => variable.name === node.name)?.value
        return this.#fields(value, node, node.path, uncalled)
      }
      case 'chain':
        return this.#fields(this.#operand(node.base, dot), node, node.path, uncalled)
      case 'pipeline':
        return this.#pipeline(node.pipeline, dot)
      case 'function':
        return this.#function(node, [], dot, nothing)
    }
  }

  #fields(base: unknown, node: Operand, path: readonly string[], uncalled: boolean): unknown {
    let value = base
    for (const [index, field] of path.entries()) {
      value = this.#field(value, field, node)
      if (typeof value === 'function' && !(uncalled && index === path.length - 1))
        value = this.#invoke(value as (...values: unknown[]) => unknown, node, [])
      if (typeof value === 'object' && value !== null) this.#foundUnder.set(value, field)
    }
    return value
  }

  #field(base: unknown, field: string, node: Operand): unknown {
    if (base === null || base === undefined)
      throw this.#error(
        node,
        base === null ? `nil pointer evaluating interface {}.${field}` : `nil data; no entry for key "${field}"`,
      )
    if (base instanceof TemplateObject) {
      const member = (base as unknown as Record<string, unknown>)[field]
      if (typeof member === 'function' && /^[A-Z]/.test(field)) return (member as () => unknown).bind(base)
    }
    if (!isObject(base)) throw this.#error(node, `can't evaluate field ${field} in type ${typeName(base)}`)
    const key = findKey(base, field)
    if (key !== undefined) return base[key]
    if (!isStruct(base, this.#foundUnder.get(base))) return undefined
    throw this.#error(node, `can't evaluate field ${field}`, `there are: ${Object.keys(base).join(', ')}`)
  }

  #error(place: { at: number; source: string }, problem: string, hint?: string): TspodError {
    const where = `executing template: ${positionOf(this.#template.text, place.at)}: at <${place.source}>: ${problem}`
    return new TspodError('INVALID', where, { hint: hint ?? `the template is ${JSON.stringify(this.#template.text)}` })
  }
}
