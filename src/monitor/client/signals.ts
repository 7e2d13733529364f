// Which signals an attached command line passes on to the container (run(1), --sig-proxy).
import { SIGHUP, SIGINT, SIGTERM } from '#sys/flags.ts'

const SIGQUIT = 3
const SIGUSR1 = 10
const SIGUSR2 = 12
const SIGALRM = 14
const SIGSTKFLT = 16
const SIGXCPU = 24
const SIGXFSZ = 25
const SIGVTALRM = 26
const SIGPROF = 27
const SIGIO = 29
const SIGRTMIN = 34
const SIGRTMAX = 64

/**
 * All that can be caught, but for those that are about this very process: faults, its children, its pipes, its window, and being
 * stopped and continued by the shell. SIGPWR and SIGSYS are the JavaScript engine's.
 */
export const proxiedSignals: readonly number[] = [
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGUSR1,
  SIGUSR2,
  SIGALRM,
  SIGTERM,
  SIGSTKFLT,
  SIGXCPU,
  SIGXFSZ,
  SIGVTALRM,
  SIGPROF,
  SIGIO,
  ...Array.from({ length: SIGRTMAX - SIGRTMIN + 1 }, (_, index) => SIGRTMIN + index),
]
