// Constants of the kernel's interface that several files need (uapi headers; the same on x86-64 and arm64 unless said).

export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200
export const AT_EMPTY_PATH = 0x1000
export const AT_RECURSIVE = 0x8000

const arm = process.arch === 'arm64'

export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_CREAT = 0o100
export const O_TRUNC = 0o1000
export const O_EXCL = 0o200
export const O_NOCTTY = 0o400
export const O_NONBLOCK = 0o4000
export const O_DIRECTORY = arm ? 0o40000 : 0o200000
export const O_NOFOLLOW = arm ? 0o100000 : 0o400000
export const O_CLOEXEC = 0o2000000
export const O_PATH = 0o10000000

/** openat2(2), Linux 5.6 */
export const RESOLVE_NO_MAGICLINKS = 2
export const RESOLVE_IN_ROOT = 16

/** clone(2) */
export const CLONE_NEWTIME = 0x80
export const CLONE_VM = 0x100
export const CLONE_PARENT = 0x8000
export const CLONE_NEWNS = 0x20000
export const CLONE_NEWCGROUP = 0x2000000
export const CLONE_NEWUTS = 0x4000000
export const CLONE_NEWIPC = 0x8000000
export const CLONE_NEWUSER = 0x10000000
export const CLONE_NEWPID = 0x20000000
export const CLONE_NEWNET = 0x40000000

/** mount(2) */
export const MS_RDONLY = 1
export const MS_NOSUID = 2
export const MS_NODEV = 4
export const MS_NOEXEC = 8
export const MS_SYNCHRONOUS = 16
export const MS_MANDLOCK = 64
export const MS_DIRSYNC = 128
export const MS_NOSYMFOLLOW = 256
export const MS_NOATIME = 1024
export const MS_NODIRATIME = 2048
export const MS_BIND = 4096
export const MS_REC = 16384
export const MS_REMOUNT = 32
export const MS_SILENT = 32768
export const MS_UNBINDABLE = 1 << 17
export const MS_PRIVATE = 1 << 18
export const MS_SLAVE = 1 << 19
export const MS_SHARED = 1 << 20
export const MS_RELATIME = 1 << 21
export const MS_STRICTATIME = 1 << 24
export const MNT_DETACH = 2

/** fsopen(2), open_tree(2), move_mount(2), Linux 5.2 */
export const OPEN_TREE_CLONE = 1
export const OPEN_TREE_CLOEXEC = O_CLOEXEC
export const MOVE_MOUNT_F_EMPTY_PATH = 4
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40

/** prctl(2) */
export const PR_SET_DUMPABLE = 4
export const PR_SET_KEEPCAPS = 8
export const PR_SET_NAME = 15
export const PR_CAPBSET_DROP = 24
export const PR_SET_CHILD_SUBREAPER = 36
export const PR_SET_NO_NEW_PRIVS = 38
export const PR_CAP_AMBIENT = 47
export const PR_CAP_AMBIENT_RAISE = 2
export const PR_CAP_AMBIENT_CLEAR_ALL = 4

/** rt_sigprocmask(2) */
export const SIG_BLOCK = 0
export const SIG_SETMASK = 2

export const SIGHUP = 1
export const SIGINT = 2
export const SIGKILL = 9
export const SIGTERM = 15
export const SIGCHLD = 17
export const SIGCONT = 18
export const SIGSTOP = 19
export const SIGWINCH = 28

export const AF_UNIX = 1
export const SOCK_STREAM = 1
export const SOCK_SEQPACKET = 5
export const SOCK_CLOEXEC = O_CLOEXEC
export const SOCK_NONBLOCK = O_NONBLOCK

export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_DGRAM = 2

/** setsockopt(2) */
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_RCVTIMEO = 20
export const SO_SNDTIMEO = 21
