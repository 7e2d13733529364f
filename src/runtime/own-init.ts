// The init of --init that tspod brings along (sys/servant/init-*.S). Host namespaces; the program runs as process 1 of a container.
import { TspodError } from '#errors.ts'
import { machineCode } from '#sys/servant/code.ts'

/** A static executable for this processor; `/dev/init -- program [argument…]`. */
export function ownInit(arch: string = process.arch): Uint8Array {
  if (arch !== 'x64' && arch !== 'arm64')
    throw new TspodError('UNSUPPORTED', `--init: there is no init program for the processor ${arch}`, {
      hint: 'name one with --init-path',
    })
  return Buffer.from(machineCode[arch].init, 'hex')
}
