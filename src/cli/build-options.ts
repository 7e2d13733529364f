// Every option of `build`, in the order of their names (podman-build(1), and what BuildKit has besides).
import { choice, commas, flag, integer, invalidValue, list, type OptionSpec, parsed, refused, text } from './option.ts'
import { pullOptions } from './pull-options.ts'
import { resourceOptions } from './resource-options.ts'
import { parseDurationOption } from './values.ts'

const namespaces = 'steps always have namespaces of their own'
const sbom = 'lists of components come later'

type PullPolicy = 'always' | 'missing' | 'never' | 'newer'

const pull: OptionSpec<PullPolicy> = {
  description: 'When to pull base images: always, missing (the default), never, newer; --pull alone is always',
  parse(given, _, name) {
    const known: Record<string, PullPolicy> = {
      true: 'always',
      false: 'missing',
      ifnewer: 'newer',
      ifmissing: 'missing',
    }
    const policy = known[given] ?? (['always', 'missing', 'never', 'newer'] as const).find(each => each === given)
    if (policy === undefined) throw invalidValue(given, name, 'must be always, missing, never or newer')
    return policy
  },
}

const noCache: OptionSpec<true | string[]> = {
  description: 'Do every step anew; --no-cache=STAGE[,STAGE] those of some stages',
  parse(given, before) {
    if (given === 'true') return true
    if (given === 'false') return before
    return before === true ? true : [...(before ?? []), ...given.split(',')]
  },
}

export const buildOptions = {
  ...pullOptions,
  addHost: list('host:ip', 'Add a line to /etc/hosts of RUN'),
  allPlatforms: refused('', 'name the platforms with --platform', { harmless: ['false'] }),
  annotation: list('key=value', 'Add an annotation to the manifest'),
  buildArg: list('name[=value]', "Set a build argument; without a value, the caller's variable"),
  buildArgFile: list('file', 'Read build arguments from a file', { completes: 'files' }),
  buildContext: list(
    'name=place',
    'A further context: a folder, URL or git repository; docker-image://IMAGE; oci-layout://FOLDER[:TAG]',
  ),
  cacheFrom: list('place', 'Use what other builds remember: REPOSITORY, type=registry,ref=, type=local,src='),
  cacheTo: list(
    'place',
    'Leave what is remembered for others: REPOSITORY, type=registry,ref=, type=local,dest=, type=inline',
  ),
  cacheTtl: parsed('duration', 'Use no result older than this, such as 24h', parseDurationOption),
  capAdd: commas('capability', 'Add capabilities to RUN'),
  capDrop: commas('capability', 'Drop capabilities of RUN'),
  cgroupParent: text('path', 'Where control groups of RUN are: a slice (systemd), or a group'),
  cgroupns: refused('mode', namespaces, { harmless: ['private'] }),
  check: flag('Build nothing: say what could be better in the Containerfile; exit status 1 where something could'),
  compress: refused('', 'layers are compressed when they are pushed or saved', { harmless: ['false'] }),
  cppFlag: refused('flag', 'files for the C preprocessor (.in) come later'),
  cpuPeriod: resourceOptions.cpuPeriod,
  cpuQuota: resourceOptions.cpuQuota,
  cpuShares: resourceOptions.cpuShares,
  cpusetCpus: resourceOptions.cpusetCpus,
  cpusetMems: resourceOptions.cpusetMems,
  cw: refused('options', 'confidential workloads are not there'),
  debugShell: flag('When a RUN fails, open a shell in the state before it'),
  device: list('host[:container[:rwm]]', 'Add a device of this machine to RUN', { completes: 'files' }),
  disableCompression: refused('', 'layers are compressed when they are pushed or saved', {
    short: 'D',
    harmless: ['true'],
  }),
  dns: commas('address', 'Use these DNS servers'),
  dnsOption: commas('option', 'Set options of the resolver'),
  dnsSearch: commas('domain', 'Set search domains'),
  env: list('name[=value]', 'Set a variable of the image'),
  explain: flag('Build nothing: print the plan, stage by stage'),
  file: list('file', 'The Containerfile; - for standard input; several are read one after the other', {
    short: 'f',
    completes: 'files',
  }),
  forceRm: flag('Remove what RUN needed, as is always done'),
  format: choice(['oci', 'docker'], 'Media types of the manifest (default oci)'),
  from: text('image', "Take the place of the first FROM's image", { completes: 'images' }),
  groupAdd: commas('group', 'Add groups to the process of RUN'),
  httpProxy: flag("Pass the caller's proxy variables on to RUN (default true)"),
  identityLabel: refused('', 'no label of the tool is ever added', { harmless: ['false'] }),
  ignorefile: text('file', 'Take this ignore file', { completes: 'files' }),
  iidfile: text('file', "Write the image's id to this file", { completes: 'files' }),
  ipc: refused('mode', namespaces, { harmless: ['private', 'container'] }),
  isolation: refused('kind', 'steps run as containers do', { harmless: ['oci', 'rootless', 'default'] }),
  jobs: integer('How many stages are built at a time; 0 is no limit (default: one for each processor)'),
  label: list('key=value', 'Set a label of the image'),
  layerLabel: refused('key=value', 'intermediate images are not made'),
  layers: refused('', 'every step is remembered; --no-cache does all anew', { harmless: ['true'] }),
  load: flag('Keep the image in the store, as is always done'),
  logfile: refused('file', 'redirect standard error'),
  manifest: text('list', 'Add what is built to this list, which is made where it is missing', { completes: 'images' }),
  memory: resourceOptions.memory,
  memorySwap: resourceOptions.memorySwap,
  metadataFile: text('file', 'Write what was built to this file, as JSON', { completes: 'files' }),
  network: commas('mode', 'Network of RUN: slirp4netns[:options], none, host, private', { aliases: ['net'] }),
  noCache,
  noHostname: refused('', 'RUN has an /etc/hostname of its own', { harmless: ['false'] }),
  noHosts: refused('', 'RUN has an /etc/hosts of its own', { harmless: ['false'] }),
  omitHistory: refused('', 'the history is always written', { harmless: ['false'] }),
  osFeature: refused('feature', 'this is of Windows'),
  osVersion: refused('version', 'this is of Windows'),
  output: list('type=TYPE,dest=PATH', 'Write the result: local, tar, oci or docker; or a folder; - for a tar archive', {
    short: 'o',
    completes: 'files',
  }),
  pid: refused('mode', namespaces, { harmless: ['private', 'container'] }),
  progress: choice(['auto', 'plain', 'tty', 'rawjson', 'quiet'], 'How the build is shown (default auto)'),
  pull,
  push: refused('', 'push the image with `tspod push`', { harmless: ['false'] }),
  quiet: flag('Print the id alone', { short: 'q' }),
  rewriteTimestamp: flag('With --source-date-epoch, files of new layers are no younger (default true)'),
  rm: flag('Remove what RUN needed, as is always done'),
  runtime: refused('path', 'steps run as containers do'),
  runtimeFlag: refused('flag', 'steps run as containers do'),
  sbom: refused('preset', sbom),
  secret: list('id=ID,src=FILE', 'A secret for RUN --mount=type=secret; env=NAME takes a variable'),
  securityOpt: list('option', 'seccomp=, no-new-privileges, apparmor=, label=, mask=, unmask='),
  shmSize: text('size', 'Size of /dev/shm (default 65536k)'),
  signBy: refused('key', 'tspod image sign signs it afterwards'),
  skipUnusedStages: flag('Leave out stages that the result does not need (default true)'),
  sourceDateEpoch: integer(
    'Times of the image and the latest of files, in seconds since 1970 (default SOURCE_DATE_EPOCH)',
  ),
  sourcePolicyFile: refused('file', 'policies of sources come later'),
  squash: flag('Merge the layers that are new into one'),
  squashAll: flag("Merge all layers, the base image's too, into one"),
  ssh: list('default|id=socket|id=key', 'An agent, or private keys, for RUN --mount=type=ssh'),
  stdin: refused('', 'RUN reads nothing', { harmless: ['false'] }),
  tag: list('name', 'Give the image this name', { short: 't' }),
  target: text('stage', 'Build this stage'),
  timestamp: integer('Times of the image and of all files in new layers, in seconds since 1970'),
  ulimit: commas('name=soft[:hard]', "Set resource limits of RUN; host for the caller's"),
  unsetenv: refused('name', 'taking variables away comes later'),
  unsetlabel: refused('name', 'taking labels away comes later'),
  userns: refused('mode', namespaces, { harmless: ['', 'private', 'container'] }),
  uts: refused('mode', namespaces, { harmless: ['private', 'container'] }),
  volume: list('folder:folder[:options]', 'Mount a folder of this machine in RUN', { short: 'v', completes: 'files' }),
}
