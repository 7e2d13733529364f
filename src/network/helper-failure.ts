// A network helper that does not come up.
import { TspodError } from '#errors.ts'

/** It ended at once, or did not answer in time. */
export class HelperFailure extends TspodError {
  override readonly name = 'HelperFailure'
}
