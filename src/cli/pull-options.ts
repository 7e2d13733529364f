// The options that say how to reach a registry and which platform to take: of pull, run and create.
import type { PullOptions } from '#engine/contracts/image.ts'
import { usageError } from './command.ts'
import { refused, text, type Values } from './option.ts'
import { registryOptions, registryOptionsOf } from './registry-options.ts'

export const pullOptions = {
  ...registryOptions,
  arch: text('name', 'Take the image for this processor, such as arm64'),
  decryptionKey: refused('key', 'encrypted images come later'),
  disableContentTrust: refused('', 'there is no content trust that could be enabled', { harmless: ['true'] }),
  os: text('name', 'Take the image for this operating system'),
  platform: text('os/arch[/variant]', 'Take the image for this platform'),
  variant: text('name', 'Take the image for this variant of the processor, such as v7'),
}

/** How to pull, from what was given; progress is the command's to add. */
export function pullOptionsOf(values: Values<typeof pullOptions>): PullOptions {
  return { ...registryOptionsOf(values), platform: platformOf(values) }
}

/** `--platform`, or one made of --os, --arch and --variant. */
export function platformOf(
  values: Pick<Values<typeof pullOptions>, 'platform' | 'os' | 'arch' | 'variant'>,
): string | undefined {
  const { platform, os, arch, variant } = values
  if (os === undefined && arch === undefined && variant === undefined) return platform
  if (platform !== undefined)
    throw usageError('--platform option can not be specified with --arch or --os or --variant')
  return [os ?? 'linux', arch ?? hostArchitecture(), variant].filter(part => part !== undefined).join('/')
}

function hostArchitecture(): string {
  return { x64: 'amd64', ia32: '386' }[process.arch as string] ?? process.arch
}
