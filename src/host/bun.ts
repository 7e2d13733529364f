// What only Bun offers; everything else is the standard modules.

/** This process will work for a while: code is compiled as early as ever (the executable starts reluctant, scripts/build.ts). */
export function expectLongLife(): void {
  Bun.unsafe.setJITPolicy(1)
}

/** Does nothing for a while, this thread alone. */
export function sleepSync(milliseconds: number): void {
  Bun.sleepSync(milliseconds)
}
