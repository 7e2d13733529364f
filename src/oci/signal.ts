// Signal names and numbers of signal(7); the same on x86-64 and arm64.
import { TspodError } from '#errors.ts'

const names = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT ' +
  'CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'
).split(' ')
const aliases: Record<string, number> = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 }

// What glibc leaves of the kernel's real-time signals 32 to 64.
const lowestRealTime = 34
const highest = 64

/** `TERM`, `sigterm`, `SIGRTMIN+3` or `15` as a number. Throws INVALID quoting the text. */
export function parseSignal(text: string): number {
  const number = /^[0-9]+$/.test(text) ? Number(text) : numberOf(text.toUpperCase().replace(/^SIG/, ''))
  if (number !== undefined && number >= 1 && number <= highest) return number
  throw new TspodError(
    'INVALID',
    `invalid signal "${text}": must be a name such as SIGTERM or a number, 1 to ${highest}`,
  )
}

function numberOf(name: string): number | undefined {
  const index = names.indexOf(name)
  if (index >= 0) return index + 1
  if (aliases[name] !== undefined) return aliases[name]
  const realTime = /^RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?$/.exec(name)
  if (realTime === null) return undefined
  const offset = Number(realTime[3] ?? 0)
  if (realTime[1] === 'MIN' && realTime[2] !== '-') return atLeastRealTime(lowestRealTime + offset)
  if (realTime[1] === 'MAX' && realTime[2] !== '+') return atLeastRealTime(highest - offset)
  return undefined
}

function atLeastRealTime(number: number): number | undefined {
  return number >= lowestRealTime && number <= highest ? number : undefined
}

/** `SIGTERM` for 15, `SIGRTMIN+3` for 37; the number itself where it has no name. */
export function signalName(number: number): string {
  const name = names[number - 1]
  if (name !== undefined) return `SIG${name}`
  if (number >= lowestRealTime && number <= highest)
    return number === lowestRealTime ? 'SIGRTMIN' : `SIGRTMIN+${number - lowestRealTime}`
  return String(number)
}
