// The options that say how to reach a registry: of everything that reads from one or writes to one.
import { existsSync } from 'node:fs'
import type { RegistryOptions } from '#engine/contracts/image.ts'
import { TspodError } from '#errors.ts'
import { flag, integer, parsed, text, type Values } from './option.ts'
import { parseDurationOption } from './values.ts'

export const registryOptions = {
  authfile: { ...text('file', 'Read credentials from this file', { completes: 'files' }), parse: existingFile },
  certDir: text('folder', 'Take TLS certificates from this folder', { completes: 'folders' }),
  creds: text('user:password', 'Credentials for the registry'),
  retry: integer('Try again this many times (default 3)'),
  retryDelay: parsed('duration', 'Wait this long before the second try, such as 2s', parseDurationOption),
  tlsVerify: flag('Require HTTPS with a trusted certificate (default: as registries.conf says)'),
}

/** One that is not there is refused at once, whether or not it turns out to be needed. */
function existingFile(path: string, _: string | undefined, flag: string): string {
  if (path !== '' && !existsSync(path))
    throw new TspodError('NOT_FOUND', `${flag} "${path}": no such file or directory`)
  return path
}

/** How to reach it, from what was given. */
export function registryOptionsOf(values: Values<typeof registryOptions>): RegistryOptions {
  return {
    authFile: values.authfile,
    certDir: values.certDir,
    credentials: values.creds,
    tlsVerify: values.tlsVerify,
    retries: values.retry,
    retryDelayMs: values.retryDelay,
  }
}
