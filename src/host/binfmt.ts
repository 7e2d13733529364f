// Whether this machine runs programs for another processor: what binfmt_misc has registered (Documentation/admin-guide/binfmt-misc.rst).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** OCI's name of an architecture (Go's GOARCH) to that of its entry. */
const qemuNames: Record<string, string> = {
  '386': 'i386',
  amd64: 'x86_64',
  arm: 'arm',
  arm64: 'aarch64',
  loong64: 'loongarch64',
  mips64le: 'mips64el',
  ppc64le: 'ppc64le',
  riscv64: 'riscv64',
  s390x: 's390x',
}

/** What the processor itself runs besides its own. */
const alsoNative: Record<string, readonly string[]> = { amd64: ['386'], arm64: ['arm'] }

/** Why programs for `architecture` cannot run, and what helps; `undefined` where they can. */
export function foreignObstacle(
  architecture: string,
  host: string,
  folder = '/proc/sys/fs/binfmt_misc',
): { found: string; hint: string } | undefined {
  if (architecture === host || alsoNative[host]?.includes(architecture) === true) return undefined
  const name = `qemu-${qemuNames[architecture] ?? architecture}`
  const hint = `an administrator installs qemu-user-static, which registers ${join(folder, name)}`
  let entry: string
  try {
    entry = readFileSync(join(folder, name), 'utf8')
  } catch {
    return { found: `this machine is ${host}, and has no binfmt entry "${name}"`, hint }
  }
  if (!/^enabled$/m.test(entry))
    return { found: `the binfmt entry "${name}" is disabled`, hint: `echo 1 > ${join(folder, name)}` }
  // without F the interpreter is looked for in the container
  if (!/^flags:.*F/m.test(entry))
    return { found: `the binfmt entry "${name}" lacks the flag F, so containers do not see its interpreter`, hint }
  return undefined
}
