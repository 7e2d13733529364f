// Reads and checks a bundle's config.json. Imported only where a spec comes from outside this process.
import { during, TspodError } from '#errors.ts'
import {
  isAbsolutePath,
  isArrayOf,
  isBoolean,
  isInteger,
  isMapOf,
  isNonEmptyString,
  isObject,
  isOneOf,
  isString,
  type Shape,
} from './json-shape.ts'
import { type RuntimeSpec, seccompActions, seccompOperators } from './runtime-spec.ts'

const id = isInteger(0, 4294967294)
const unsigned32 = isInteger(0, 4294967295)
const unsigned64 = isInteger(0, 2 ** 64)
const signed64 = isInteger(-(2 ** 63), 2 ** 63)
const strings = isArrayOf(isString)
const mappings = isArrayOf(isObject({ containerID: id, hostID: id, size: isInteger(1, 4294967295) }))

const processShape = isObject(
  {
    cwd: isAbsolutePath,
    args: isArrayOf(isString, 1),
    user: isObject({ uid: id, gid: id }, { umask: isInteger(0, 0o777), additionalGids: isArrayOf(id) }),
  },
  {
    terminal: isBoolean,
    consoleSize: isObject({ height: isInteger(0, 65535), width: isInteger(0, 65535) }),
    env: strings,
    capabilities: isObject(
      {},
      { bounding: strings, effective: strings, inheritable: strings, permitted: strings, ambient: strings },
    ),
    rlimits: isArrayOf(isObject({ type: isNonEmptyString, soft: unsigned64, hard: unsigned64 })),
    noNewPrivileges: isBoolean,
    apparmorProfile: isString,
    selinuxLabel: isString,
    oomScoreAdj: isInteger(-1000, 1000),
    scheduler: isObject(
      { policy: isNonEmptyString },
      {
        nice: isInteger(-20, 19),
        priority: isInteger(0, 99),
        flags: strings,
        runtime: unsigned64,
        deadline: unsigned64,
        period: unsigned64,
      },
    ),
    ioPriority: isObject(
      { class: isOneOf('IOPRIO_CLASS_RT', 'IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE') },
      { priority: isInteger(0, 7) },
    ),
  },
)

const mountShape = isObject(
  // "SHOULD be absolute" since 1.1: a relative one is taken from the root
  { destination: isNonEmptyString },
  { type: isString, source: isString, options: strings, uidMappings: mappings, gidMappings: mappings },
)

const hooks = isArrayOf(
  isObject({ path: isAbsolutePath }, { args: strings, env: strings, timeout: isInteger(1, 2 ** 31) }),
)

const seccompShape = isObject(
  { defaultAction: isOneOf(...seccompActions) },
  {
    defaultErrnoRet: isInteger(0, 4095),
    architectures: strings,
    flags: strings,
    listenerPath: isString,
    listenerMetadata: isString,
    syscalls: isArrayOf(
      isObject(
        { names: isArrayOf(isNonEmptyString, 1), action: isOneOf(...seccompActions) },
        {
          errnoRet: isInteger(0, 4095),
          args: isArrayOf(
            isObject(
              { index: isInteger(0, 5), value: unsigned64, op: isOneOf(...seccompOperators) },
              { valueTwo: unsigned64 },
            ),
          ),
        },
      ),
    ),
  },
)

const deviceNumber = isInteger(-1, 2 ** 32)
const throttles = isArrayOf(isObject({ major: deviceNumber, minor: deviceNumber, rate: unsigned64 }))
const resourcesShape = isObject(
  {},
  {
    devices: isArrayOf(
      isObject(
        { allow: isBoolean },
        { type: isOneOf('a', 'c', 'b'), major: deviceNumber, minor: deviceNumber, access: isString },
      ),
    ),
    memory: isObject(
      {},
      {
        limit: signed64,
        reservation: signed64,
        swap: signed64,
        kernel: signed64,
        kernelTCP: signed64,
        swappiness: unsigned64,
        disableOOMKiller: isBoolean,
        useHierarchy: isBoolean,
        checkBeforeUpdate: isBoolean,
      },
    ),
    cpu: isObject(
      {},
      {
        shares: unsigned64,
        quota: signed64,
        burst: unsigned64,
        period: unsigned64,
        realtimeRuntime: signed64,
        realtimePeriod: unsigned64,
        cpus: isString,
        mems: isString,
        idle: signed64,
      },
    ),
    pids: isObject({ limit: signed64 }),
    blockIO: isObject(
      {},
      {
        weight: isInteger(0, 1000),
        leafWeight: isInteger(0, 1000),
        weightDevice: isArrayOf(isObject({ major: deviceNumber, minor: deviceNumber })),
        throttleReadBpsDevice: throttles,
        throttleWriteBpsDevice: throttles,
        throttleReadIOPSDevice: throttles,
        throttleWriteIOPSDevice: throttles,
      },
    ),
    hugepageLimits: isArrayOf(isObject({ pageSize: isNonEmptyString, limit: unsigned64 })),
    network: isObject(
      {},
      { classID: unsigned32, priorities: isArrayOf(isObject({ name: isString, priority: unsigned32 })) },
    ),
    rdma: isMapOf(isObject({}, { hcaHandles: unsigned32, hcaObjects: unsigned32 })),
    unified: isMapOf(isString),
  },
)

const linuxShape = isObject(
  {},
  {
    namespaces: isArrayOf(
      isObject(
        { type: isOneOf('pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time') },
        { path: isString },
      ),
    ),
    uidMappings: mappings,
    gidMappings: mappings,
    timeOffsets: isMapOf(isObject({}, { secs: signed64, nanosecs: isInteger(0, 999999999) })),
    devices: isArrayOf(
      isObject(
        { type: isOneOf('c', 'b', 'u', 'p'), path: isAbsolutePath },
        { major: deviceNumber, minor: deviceNumber, fileMode: isInteger(0, 0o177777), uid: id, gid: id },
      ),
    ),
    cgroupsPath: isString,
    resources: resourcesShape,
    rootfsPropagation: isOneOf(
      'shared',
      'slave',
      'private',
      'unbindable',
      'rshared',
      'rslave',
      'rprivate',
      'runbindable',
      '',
    ),
    sysctl: isMapOf(isString),
    seccomp: seccompShape,
    maskedPaths: strings,
    readonlyPaths: strings,
    mountLabel: isString,
    personality: isObject({ domain: isOneOf('LINUX', 'LINUX32') }, { flags: strings }),
  },
)

const specShape: Shape = isObject(
  { ociVersion: isNonEmptyString, root: isObject({ path: isNonEmptyString }, { readonly: isBoolean }) },
  {
    process: processShape,
    hostname: isString,
    domainname: isString,
    mounts: isArrayOf(mountShape),
    hooks: isObject(
      {},
      {
        prestart: hooks,
        createRuntime: hooks,
        createContainer: hooks,
        startContainer: hooks,
        poststart: hooks,
        poststop: hooks,
      },
    ),
    annotations: isMapOf(isString),
    linux: linuxShape,
  },
)

/** The text of a config.json as a checked spec (runtime-spec 1.x). Throws INVALID naming the JSON path. */
export function parseRuntimeSpec(json: string): RuntimeSpec {
  try {
    const value: unknown = JSON.parse(json)
    specShape(value, 'config.json')
    const spec = value as RuntimeSpec
    checkVersion(spec.ociVersion)
    checkNamespacesOccurOnce(spec)
    return spec
  } catch (error) {
    if (error instanceof TspodError) throw error
    throw new TspodError('INVALID', during('parsing config.json', error).message, { cause: error })
  }
}

function checkVersion(version: string): void {
  if (/^1\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/.test(version)) return
  throw new TspodError('UNSUPPORTED', `config.json.ociVersion is "${version}", must be a 1.x.y version`)
}

function checkNamespacesOccurOnce(spec: RuntimeSpec): void {
  const seen = new Set<string>()
  for (const { type } of spec.linux?.namespaces ?? []) {
    if (seen.has(type)) throw new TspodError('INVALID', `config.json.linux.namespaces names "${type}" twice`)
    seen.add(type)
  }
}
