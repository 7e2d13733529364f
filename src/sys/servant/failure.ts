// What can go wrong between a master and its servants, in words.
import { SystemCallError, TspodError } from '#errors.ts'
import { errnoName, errnoText } from '#sys/errno.ts'
import type { Argument, Call } from './batch.ts'

/** Raised when a servant ended (it was killed, or its master's end was closed) before it had done what it was told. */
export class ServantGone extends TspodError {
  constructor(calls: readonly Call[]) {
    super('INTERNAL', `a process of tspod ended before it had performed ${describe(calls.at(-1))}`, {
      hint: 'it was killed from outside (out of memory, or a signal); try again',
    })
  }
}

/** Raised when a batch took longer than its deadline; its servant has been killed. */
export class ServantLate extends TspodError {
  constructor(calls: readonly Call[], deadlineMs: number) {
    super('INTERNAL', `${calls.map(({ name }) => name).join(', ')} did not end within ${deadlineMs / 1000} s`, {
      hint: 'a file server that does not answer, or a very slow disk',
    })
  }
}

/** The error for the call at `index` of a batch: it names the call, its arguments and the errno. */
export function callError(failed: Call, result: number, index = 0): SystemCallError {
  const errno = errnoName(-result)
  const error = new SystemCallError(failed.name, errno, errnoText(errno), failed.args.map(describeArgument).join(', '))
  error.callIndex = index
  return error
}

function describe(one: Call | undefined): string {
  return one === undefined ? 'a call' : `${one.name}(${one.args.map(describeArgument).join(', ')})`
}

function describeArgument(argument: Argument): string {
  if (argument === null) return 'NULL'
  if (typeof argument === 'string') return argument
  if (typeof argument === 'number') return argument > 9 ? `0x${argument.toString(16)}` : `${argument}`
  if (typeof argument === 'bigint') return `0x${argument.toString(16)}`
  if ('memory' in argument) return `<${argument.memory.byteLength} bytes>`
  if ('resultOf' in argument) return `<result ${argument.resultOf}>`
  return `[${argument.join(' ')}]`
}
