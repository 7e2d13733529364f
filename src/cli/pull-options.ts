// The options that say how to reach a registry and which platform to take: of pull, run and create.
import type { PullOptions } from '#engine/contracts/image.ts'
import { usageError } from './command.ts'
import { flag, integer, parsed, refused, text, type Values } from './option.ts'
import { parseDurationOption } from './values.ts'

export const pullOptions = {
  arch: text('name', 'Take the image for this processor, such as arm64'),
  authfile: text('file', 'Read credentials from this file', { completes: 'files' }),
  certDir: text('folder', 'Take TLS certificates from this folder', { completes: 'folders' }),
  creds: text('user:password', 'Credentials for the registry'),
  decryptionKey: refused('key', 'encrypted images come later'),
  disableContentTrust: refused('', 'there is no content trust that could be enabled', { harmless: ['true'] }),
  os: text('name', 'Take the image for this operating system'),
  platform: text('os/arch[/variant]', 'Take the image for this platform'),
  retry: integer('Try again this many times (default 3)'),
  retryDelay: parsed('duration', 'Wait this long before the second try, such as 2s', parseDurationOption),
  tlsVerify: flag('Require HTTPS with a trusted certificate (default: as registries.conf says)'),
  variant: text('name', 'Take the image for this variant of the processor, such as v7'),
}

/** How to pull, from what was given; progress is the command's to add. */
export function pullOptionsOf(values: Values<typeof pullOptions>): PullOptions {
  return {
    platform: platformOf(values),
    authFile: values.authfile,
    certDir: values.certDir,
    credentials: values.creds,
    tlsVerify: values.tlsVerify,
    retries: values.retry,
    retryDelayMs: values.retryDelay,
  }
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
