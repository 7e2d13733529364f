// Parsers of option values that several commands share. Pure but for the clock.
import { parseRestartPolicy } from '#container/restart-policy.ts'
import type { NotifyMode } from '#container/service-manager.ts'
import type { SystemdMode } from '#container/systemd-mode.ts'
import { TspodError } from '#errors.ts'
import { parseDuration, parseTime } from './format/durations.ts'
import { invalidValue, parseBoolean } from './option.ts'

/** `250ms`, `5s`, or a bare number of milliseconds, in milliseconds. */
export function parseDurationOption(text: string, flag: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : parseDuration(text)
  if (ms === undefined || ms < 0) throw invalidValue(text, flag, 'must be a duration such as 250ms, 5s or 1m30s')
  return ms
}

/** Whole seconds; a negative number means without end. */
export function parseSeconds(text: string, flag: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw invalidValue(text, flag, 'must be a whole number of seconds, or -1 for no end')
  return Number(text) < 0 ? -1 : Number(text)
}

/** A point in time, in milliseconds since 1970. */
export function parseTimeOption(text: string, flag: string): number {
  return parseTime(flag, text, Date.now())
}

/** The end of a time span: as podman has it, a duration counts from now on (`--until 5s`). */
export function parseEndOption(text: string, flag: string): number {
  const duration = /^\d+(?:\.\d+)?$/.test(text) ? undefined : parseDuration(text)
  return duration === undefined ? parseTime(flag, text, Date.now()) : Date.now() + duration
}

/** An octal file mode mask, `0022`. */
export function checkUmask(text: string, flag: string): string {
  if (!/^[0-7]{1,4}$/.test(text)) throw invalidValue(text, flag, 'must be an octal mode such as 0022')
  return text
}

/** `--restart`, as typed. */
export function checkRestart(text: string): string {
  parseRestartPolicy(text)
  return text
}

/** `--systemd`; a flag of podman's with a third value. */
export function parseSystemdMode(text: string, flag: string): SystemdMode {
  return text === 'always' ? 'always' : parseBoolean(text, flag) ? 'detect' : 'never'
}

/** `--sdnotify`. */
export function parseNotifyMode(text: string, flag: string): NotifyMode {
  if (text === 'container' || text === 'conmon' || text === 'ignore') return text
  if (text === 'healthy')
    throw new TspodError('UNSUPPORTED', '--sdnotify=healthy is not implemented yet', {
      hint: 'conmon tells systemd as soon as the container runs',
    })
  throw invalidValue(text, flag, 'must be container, conmon, healthy or ignore')
}

/** `--cgroups`. */
export function parseCgroupsMode(text: string, flag: string): 'enabled' | 'disabled' | 'no-conmon' | 'split' {
  if (text === 'enabled' || text === 'disabled' || text === 'no-conmon' || text === 'split') return text
  throw invalidValue(text, flag, 'must be enabled, disabled, no-conmon or split')
}
