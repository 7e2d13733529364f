// A port that could not be had when it came to it.
import { TspodError } from '#errors.ts'
import { type PortMapping, portText } from './mapping.ts'

/** The helper could not bind it: somebody was faster. */
export class PortTakenError extends TspodError {
  override readonly name = 'PortTakenError'
  readonly port: PortMapping

  constructor(port: PortMapping, cause: unknown) {
    super('IN_USE', `publishing ${portText(port)}: address already in use`, { cause })
    this.port = port
  }
}

/** True where the port's address is of a kind that this machine does not have. */
export function isUnsupportedAddress(error: unknown): boolean {
  return error instanceof PortTakenError && error.cause instanceof TspodError && error.cause.code === 'UNSUPPORTED'
}
