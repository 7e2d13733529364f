// Somebody wants an end of what a command does: a signal as the reason of an abort.
import { constants } from 'node:os'

export class Interrupted extends Error {
  /** what a shell adds 128 to */
  readonly number: number

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`)
    this.number = constants.signals[signal]
  }
}
