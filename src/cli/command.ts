// What a command is to the command line: its words for people, its options, and the one function that runs it.
import { TspodError } from '#errors.ts'
import type { Completion, OptionTable, Values } from './option.ts'

export interface CommandSpec {
  /** what follows the name in help: `[options] IMAGE [COMMAND [ARG...]]` */
  usage: string
  /** paragraphs under the summary, where one line is not enough */
  description?: string
  /** without the leading `tspod` */
  examples?: readonly string[]
  options: OptionTable
  /** arguments in commander's words: `<image> [command...]` */
  operands: string
  /** options end at the first argument; the rest is someone else's command line */
  stopsAtOperand?: boolean
  /** what arguments complete to, the last one for all that follow */
  completes?: readonly Completion[]
  /** The exit status; nothing means 0. */
  run: (values: never, operands: string[]) => Promise<number | undefined>
}

/** Declares a command; the values its `run` gets have the types its options say. */
export function defineCommand<const T extends OptionTable>(
  spec: Omit<CommandSpec, 'options' | 'run'> & {
    options: T
    run: (values: Values<T>, operands: string[]) => Promise<number | undefined | void>
  },
): CommandSpec {
  return spec as CommandSpec
}

/** A mistake in how a command was called: exit status 125. */
export function usageError(message: string): TspodError {
  return new TspodError('INVALID', message, { exitCode: 125 })
}
