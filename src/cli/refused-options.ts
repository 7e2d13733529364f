// Options of `run` and `create` that Podman or Docker has and tspod not yet: refused by name, never ignored. The
// sentence of each says why, or what there is instead.
import { refused } from './option.ts'

const networks = 'old links are not there; containers on a user-defined network find each other by name'
const kernel = 'a normal user cannot set it, or cgroup v2 does not have it'

export const refusedContainerOptions = {
  chrootdirs: refused('folders', 'only the root itself gets /etc/hosts and /etc/resolv.conf'),
  conmonPidfile: refused('file', 'there is no conmon; --pidfile names the process of the container'),
  cpuRtPeriod: refused('microseconds', kernel, { harmless: ['0'] }),
  cpuRtRuntime: refused('microseconds', kernel, { harmless: ['0'] }),
  deviceCgroupRule: refused('rule', kernel),
  domainname: refused('name', 'put the full name into --hostname'),
  gpus: refused('devices', 'GPUs come later'),
  healthLogDestination: refused('where', 'results are kept with the container; `inspect` shows them'),
  hostsFile: refused('file', '/etc/hosts is made from that of this machine; --no-hosts keeps that of the image'),
  isolation: refused('mode', 'this is of Windows', { harmless: ['default', ''] }),
  link: refused('container', networks),
  linkLocalIp: refused('address', 'addresses of the link come by themselves'),
  memorySwappiness: refused('number', kernel, { harmless: ['-1'] }),
  oomKillDisable: refused('', kernel, { harmless: ['false'] }),
  personality: refused('domain', 'other execution domains come later'),
  preserveFd: refused('list', '--preserve-fds passes descriptors from 3 on'),
  rdtClass: refused('class', kernel),
  requires: refused('containers', 'start the containers it needs first'),
  seccompPolicy: refused('policy', 'profiles in labels of images are not read', { harmless: ['default'] }),
  secret: refused('name', 'secrets come later; mount a file with --volume'),
  subgidname: refused('name', "the caller's own ranges are used"),
  subuidname: refused('name', "the caller's own ranges are used"),
  useApiSocket: refused('', 'there is no service yet', { harmless: ['false'] }),
  volumeDriver: refused('name', 'plugins for volumes are not there', { harmless: ['local', ''] }),
}
