// The programs that tspod brings along for containers (sys/servant/init-*.S, pause-*.S). Host namespaces; they run as process 1 of a container.
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

/** The program of a pod's infra container, static as well: waits until it is asked to end. */
export function pauseProgram(arch: string = process.arch): Uint8Array {
  if (arch !== 'x64' && arch !== 'arm64')
    throw new TspodError('UNSUPPORTED', `there is no pause program for the processor ${arch}`, {
      hint: 'name an image that has one with --infra-image',
    })
  return Buffer.from(machineCode[arch].pause, 'hex')
}
