// Runs a command as if the kernel lacked some system calls: `bun without-calls.ts NAME[,NAME…] COMMAND…`. A filter makes them fail with
// ENOSYS, for the command and all its children. It also takes away set-uid programs (no_new_privs), so the user's namespace must be kept
// already.
import { PR_SET_NO_NEW_PRIVS, SIG_SETMASK } from '#sys/flags.ts'
import { type SyscallName, syscallNumber } from '#sys/numbers.ts'
import { waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'

const SECCOMP_SET_MODE_FILTER = 1
const LOAD_NUMBER = 0x20
const JUMP_IF_EQUAL = 0x15
const RETURN = 0x06
const ALLOW = 0x7fff_0000
const ENOSYS = 0x0005_0000 | 38

/** struct sock_filter[] (seccomp(2)); the processor's own calls only, which is all the command makes. */
function filterAgainst(names: readonly SyscallName[]): Buffer {
  const lines = [
    [LOAD_NUMBER, 0, 0, 0],
    ...names.map((name, index) => [JUMP_IF_EQUAL, names.length - index, 0, syscallNumber(name)]),
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, ENOSYS],
  ]
  const filter = Buffer.alloc(8 * lines.length)
  for (const [index, [code = 0, yes = 0, no = 0, value = 0]] of lines.entries()) {
    filter.writeUInt16LE(code, 8 * index)
    filter.writeUInt8(yes, 8 * index + 2)
    filter.writeUInt8(no, 8 * index + 3)
    filter.writeUInt32LE(value, 8 * index + 4)
  }
  return filter
}

const [names = '', program = '', ...args] = process.argv.slice(2)
const filter = filterAgainst(names.split(',') as SyscallName[])
const header = Buffer.alloc(16)
header.writeUInt16LE(filter.byteLength / 8, 0)
const env = Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ''}`)
const servant = Servant.start()
servant.exec([
  call('prctl', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
  call('rt_sigprocmask', SIG_SETMASK, { memory: new BigUint64Array(1) }, 0, 8),
  call('seccomp', SECCOMP_SET_MODE_FILTER, 0, {
    memory: header,
    pointers: [{ offset: 8, to: { memory: filter } }],
  }),
  call('execve', program, [program, ...args], env),
])
process.exit(waitProcess(servant.pid)?.status.code ?? 125)
