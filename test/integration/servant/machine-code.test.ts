// The bytes of machine code in code.ts are what the assembler makes of the sources beside them.
import { expect } from 'bun:test'
import { machineCode } from '#sys/servant/code.ts'
import { needs } from '#test/needs.ts'
import { assemble, assemblers } from '../../../scripts/generate-servant.ts'

const processors = [
  { arch: 'x64', need: 'binutils' },
  { arch: 'arm64', need: 'binutils-arm64' },
] as const

for (const { arch, need } of processors) {
  const [suffix, prefix] = assemblers[arch]
  needs(need)(`the machine code for ${arch} is what its assembly says`, () => {
    const servant = assemble(`servant-${suffix}.S`, prefix)
    const stub = assemble(`stub-${suffix}.S`, prefix)
    expect(machineCode[arch]).toEqual({
      servant: servant.hex,
      runOp: servant.symbols.run_op ?? -1,
      rawCall: servant.symbols.raw_call ?? -1,
      relaySignal: servant.symbols.relay_signal ?? -1,
      stub: stub.hex,
      stubParameters: stub.symbols.parameters ?? -1,
      init: assemble(`init-${suffix}.S`, prefix).hex,
      pause: assemble(`pause-${suffix}.S`, prefix).hex,
    })
  })
  needs(need)(`the machine code for ${arch} fits before the page of data that it refers to`, () => {
    expect(machineCode[arch].servant.length / 2).toBeLessThan(4096)
  })
}
