// Hook definitions of oci-hooks(5): JSON files in folders, each with the conditions under which a hook is added.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import {
  isAbsolutePath,
  isArrayOf,
  isBoolean,
  isInteger,
  isMapOf,
  isObject,
  isOneOf,
  isString,
} from '#oci/json-shape.ts'
import type { HookSpec, HooksSpec } from '#oci/runtime-spec.ts'

export interface HookDefinition {
  version: string
  hook: HookSpec
  when: {
    always?: boolean
    /** regular expressions: one key and its value must match each */
    annotations?: Record<string, string>
    /** regular expressions: the first argument must match one */
    commands?: string[]
    hasBindMounts?: boolean
  }
  stages: (keyof HooksSpec)[]
}

const hookShape = () =>
  isObject({
    version: isOneOf('1.0.0'),
    hook: isObject(
      { path: isAbsolutePath },
      { args: isArrayOf(isString), env: isArrayOf(isString), timeout: isInteger(1, 2 ** 31) },
    ),
    when: isObject(
      {},
      { always: isBoolean, annotations: isMapOf(isString), commands: isArrayOf(isString), hasBindMounts: isBoolean },
    ),
    stages: isArrayOf(
      isOneOf('prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'),
      1,
    ),
  })

/** All definitions, ordered by file name; a file in a later folder replaces one of the same name. A missing folder is empty. */
export function readHooks(dirs: readonly string[]): HookDefinition[] {
  const files = new Map<string, string>()
  for (const dir of dirs) {
    try {
      for (const name of readdirSync(dir)) if (name.endsWith('.json')) files.set(name, join(dir, name))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw during(`reading hooks in "${dir}"`, error)
    }
  }
  return [...files.keys()].sort().map(name => readHook(files.get(name) ?? ''))
}

function readHook(path: string): HookDefinition {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    hookShape()(value, 'hook')
    const definition = value as HookDefinition
    for (const text of Object.entries(definition.when.annotations ?? {}).flat()) expression(text)
    for (const text of definition.when.commands ?? []) expression(text)
    return definition
  } catch (error) {
    throw new TspodError('INVALID', during(`reading the hook "${path}"`, error).message, { cause: error })
  }
}

/** The hooks whose conditions all hold, by stage; `undefined` where there is none. Pure. */
export function planHooks(
  definitions: readonly HookDefinition[],
  facts: { annotations: Readonly<Record<string, string>>; command: string; hasBindMounts: boolean },
): HooksSpec | undefined {
  const hooks: HooksSpec = {}
  for (const { hook, when, stages } of definitions) {
    const conditions = [
      ...(when.always === undefined ? [] : [when.always]),
      ...Object.entries(when.annotations ?? {}).map(([key, value]) =>
        Object.entries(facts.annotations).some(
          each => expression(key).test(each[0]) && expression(value).test(each[1]),
        ),
      ),
      ...(when.commands === undefined ? [] : [when.commands.some(text => expression(text).test(facts.command))]),
      ...(when.hasBindMounts === undefined ? [] : [when.hasBindMounts === facts.hasBindMounts]),
    ]
    if (conditions.length === 0 || !conditions.every(Boolean)) continue
    for (const stage of stages) hooks[stage] = [...(hooks[stage] ?? []), hook]
  }
  return Object.keys(hooks).length === 0 ? undefined : hooks
}

function expression(text: string): RegExp {
  return new RegExp(text)
}
