// What logind(8) knows of a user: its files under /run/systemd and /var/lib/systemd. Host namespaces.
import { existsSync } from 'node:fs'
import { passwdEntry } from './user.ts'

/** A manager of systemd runs for this user: a session is open, or it lingers. */
export function hasUserManager(uid: number): boolean {
  return existsSync(`/run/systemd/users/${uid}`)
}

/** The user's manager runs from boot on, and after the last logout (loginctl(1), enable-linger). */
export function lingers(uid: number): boolean {
  const name = passwdEntry(uid)?.name
  return name !== undefined && existsSync(`/var/lib/systemd/linger/${name}`)
}
