// What this executable says of itself.
import type { VersionReport } from '#engine/contracts/system.ts'

/** The same as in package.json; a test compares. */
export const tspodVersion = '0.1.0'

/** The version of the runtime interface that tspod follows (opencontainers/runtime-spec). */
export const runtimeSpecVersion = '1.1.0'

/** podman-version(1)'s keys. The build replaces the two variables by the commit and its time; from a source tree they are empty. */
export function systemVersion(): VersionReport {
  const builtSeconds = Number(process.env.TSPOD_BUILD_SECONDS ?? 0)
  return {
    Version: tspodVersion,
    APIVersion: tspodVersion,
    Runtime: process.versions.bun === undefined ? `node ${process.versions.node}` : `bun ${process.versions.bun}`,
    GitCommit: process.env.TSPOD_BUILD_COMMIT ?? '',
    BuiltTime: new Date(builtSeconds * 1000).toUTCString(),
    Built: builtSeconds,
    OsArch: `linux/${goArchitecture()}`,
    Os: 'linux',
  }
}

/** The processor as images name it (OCI image-spec, platform). */
export function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch
}
