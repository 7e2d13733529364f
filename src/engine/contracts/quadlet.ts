// Inputs and outputs of the quadlet verbs, and of `generate systemd`.
import type { TspodError } from '#errors.ts'

/** Throws for a command line (without the program) that tspod would refuse. */
export type CommandCheck = (argv: readonly string[]) => Promise<void>

export interface QuadletFile {
  /** `web.container` */
  name: string
  path: string
  /** `web.service`; absent where it cannot be translated */
  service?: string
  /** `active/running`, or why it is no service */
  status: string
}

export interface TranslatedUnits {
  /** every file that systemd would read, by name */
  units: { name: string; text: string }[]
  failures: TspodError[]
}

export interface InstallOptions {
  /** files of the same name are overwritten */
  replace: boolean
  /** systemd reads its units again */
  reload: boolean
  check: CommandCheck
}

export interface RemoveQuadletOptions {
  all: boolean
  /** one that runs is stopped */
  force: boolean
  /** a missing one is fine */
  ignore: boolean
  reload: boolean
  check: CommandCheck
}
