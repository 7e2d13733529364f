// Every option that Podman's and Docker's users may pass is either there or refused by name.
import { expect, test } from 'bun:test'
import { lookUp } from '#cli/arguments.ts'
import type { CommandSpec } from '#cli/command.ts'
import { type CommandEntry, nouns, verbs } from '#cli/commands.ts'
import { globalOptions } from '#cli/global-options.ts'
import { knownOptions } from '#cli/parse.ts'

// podman-run(1) and its kin, versions 4.3 to 6, and what docker has besides
const known: Record<string, string> = {
  'artifact add': 'annotation append file-type replace type',
  'artifact extract': 'digest title',
  'artifact inspect': 'format',
  'artifact ls': 'format no-trunc noheading quiet',
  'artifact pull': 'authfile cert-dir creds decryption-key quiet retry retry-delay tls-verify',
  'artifact push': `
    authfile cert-dir creds digestfile quiet retry retry-delay sign-by sign-by-sigstore
    sign-by-sigstore-private-key sign-passphrase-file tls-verify`,
  'artifact rm': 'all',
  attach: 'detach-keys latest no-stdin sig-proxy',
  commit: 'author change config format iidfile include-volumes message pause quiet squash',
  'container exists': 'external',
  'container prune': 'filter force',
  cp: 'archive follow-link overwrite pause',
  create: `
    add-host annotation arch attach authfile blkio-weight blkio-weight-device cap-add cap-drop cert-dir
    cgroup-conf cgroup-parent cgroupns cgroups chrootdirs cidfile conmon-pidfile cpu-period cpu-quota
    cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems creds decryption-key device
    device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops disable-content-trust
    dns dns-opt dns-option dns-search domainname entrypoint env env-file env-host env-merge expose gidmap gpus
    group-add group-entry health-cmd health-interval health-log-destination health-max-log-count
    health-max-log-size health-on-failure health-retries health-start-interval health-start-period
    health-startup-cmd health-startup-interval health-startup-retries health-startup-success
    health-startup-timeout health-timeout hostname hosts-file hostuser http-proxy image-volume init init-ctr
    init-path interactive ip ip6 ipc isolation label label-file link link-local-ip log-driver log-opt
    mac-address memory memory-reservation memory-swap memory-swappiness mount name net network network-alias
    no-healthcheck no-hostname no-hosts oom-kill-disable oom-score-adj os passwd-entry personality pid pidfile
    pids-limit platform pod pod-id-file preserve-fd privileged publish publish-all pull quiet rdt-class
    read-only read-only-tmpfs replace requires restart retry retry-delay rm rootfs sdnotify seccomp-policy
    secret security-opt shm-size shm-size-systemd stop-signal stop-timeout storage-opt subgidname subuidname
    sysctl systemd timeout tls-verify tmpfs tty tz uidmap ulimit umask unsetenv unsetenv-all use-api-socket user
    userns uts variant volume volume-driver volumes-from workdir`,
  diff: 'format latest',
  events: 'filter format no-trunc since until',
  exec: `
    cidfile detach detach-keys env env-file interactive latest no-session preserve-fd preserve-fds privileged
    tty user workdir`,
  export: 'output',
  history: 'format human no-trunc quiet',
  'image diff': 'format',
  'image mount': 'all format',
  'image sign': 'all authfile cert-dir directory sign-by',
  'image tree': 'whatrequires',
  'image unmount': 'all force',
  'image prune': 'all external filter force',
  images: 'all digests filter format history no-trunc noheading quiet sort',
  import: 'arch change message os quiet variant',
  info: 'format',
  inspect: 'format latest size type',
  kill: 'all cidfile latest signal',
  load: 'input quiet',
  login: 'authfile cert-dir get-login password password-stdin tls-verify username verbose',
  logout: 'all authfile',
  logs: 'color follow latest names since tail timestamps until',
  'manifest add': `
    all annotation arch authfile cert-dir creds features os os-features os-version tls-verify variant`,
  'manifest annotate': 'annotation arch features index os os-features os-version variant',
  'manifest create': 'all amend annotation tls-verify',
  'manifest inspect': 'authfile tls-verify verbose',
  'manifest push': `
    add-compression all authfile cert-dir compression-format compression-level creds digestfile
    force-compression format quiet remove-signatures rm sign-by sign-by-sigstore sign-by-sigstore-private-key
    sign-passphrase-file tls-verify`,
  'manifest rm': 'ignore',
  port: 'all latest',
  ps: `
    all external filter format last latest no-trunc noheading ns pod quiet size sort sync watch`,
  pull: `
    all-tags arch authfile cert-dir creds decryption-key disable-content-trust os platform policy quiet retry
    retry-delay tls-verify variant`,
  push: `
    authfile cert-dir compress compression-format compression-level creds digestfile disable-content-trust
    encrypt-layer encryption-key force-compression format quiet remove-signatures retry retry-delay sign-by
    sign-by-sigstore sign-by-sigstore-private-key sign-passphrase-file tls-verify`,
  restart: 'all cidfile filter latest running time',
  rm: 'all cidfile depend filter force ignore latest time volumes',
  rmi: 'all force ignore no-prune',
  run: `
    add-host annotation arch attach authfile blkio-weight blkio-weight-device cap-add cap-drop cert-dir
    cgroup-conf cgroup-parent cgroupns cgroups chrootdirs cidfile conmon-pidfile cpu-period cpu-quota
    cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems creds decryption-key detach detach-keys
    device device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops
    disable-content-trust dns dns-opt dns-option dns-search domainname entrypoint env env-file env-host
    env-merge expose gidmap gpus group-add group-entry health-cmd health-interval health-log-destination
    health-max-log-count health-max-log-size health-on-failure health-retries health-start-interval
    health-start-period health-startup-cmd health-startup-interval health-startup-retries health-startup-success
    health-startup-timeout health-timeout hostname hosts-file hostuser http-proxy image-volume init init-path
    interactive ip ip6 ipc isolation label label-file link link-local-ip log-driver log-opt mac-address memory
    memory-reservation memory-swap memory-swappiness mount name net network network-alias no-healthcheck
    no-hostname no-hosts oom-kill-disable oom-score-adj os passwd passwd-entry personality pid pidfile
    pids-limit platform pod pod-id-file preserve-fd preserve-fds privileged publish publish-all pull quiet
    rdt-class read-only read-only-tmpfs replace requires restart retry retry-delay rm rmi rootfs sdnotify
    seccomp-policy secret security-opt shm-size shm-size-systemd sig-proxy stop-signal stop-timeout storage-opt
    subgidname subuidname sysctl systemd timeout tls-verify tmpfs tty tz uidmap ulimit umask unsetenv
    unsetenv-all use-api-socket user userns uts variant volume volume-driver volumes-from workdir`,
  save: 'compress format multi-image-archive output quiet uncompressed',
  search: 'authfile cert-dir compatible creds filter format limit list-tags no-trunc retry retry-delay tls-verify',
  start: 'all attach detach-keys filter interactive latest sig-proxy',
  stop: 'all cidfile filter ignore latest time timeout',
  'system check': 'force max quick repair',
  'system df': 'format verbose',
  'system prune': 'all build external filter force volumes',
  'system reset': 'force',
  top: 'latest',
  unshare: 'rootless-netns',
  version: 'format',
  'volume create': 'driver gid ignore label opt uid',
  'volume inspect': 'all format',
  'volume ls': 'filter format noheading quiet',
  'volume prune': 'all dry-run filter force',
  'volume rm': 'all force time',
  wait: 'condition exit-first-match ignore interval latest',
}

function entryOf(path: string): CommandEntry | undefined {
  const [first = '', second] = path.split(' ')
  return second === undefined ? verbs[first] : nouns[first]?.verbs[second === 'ls' ? 'list' : second]
}

async function load(path: string): Promise<CommandSpec> {
  const spec = await entryOf(path)?.load?.()
  if (spec === undefined) throw new Error(`no command "${path}"`)
  return spec
}

for (const [path, names] of Object.entries(known))
  test(`every option of podman ${path} is known`, async () => {
    const options = lookUp((await load(path)).options, globalOptions)
    const missing = names.split(/\s+/).filter(name => name !== '' && options.long(name) === undefined)
    expect(missing).toEqual([])
  })

const everything: [string, CommandEntry][] = [
  ...Object.entries(verbs),
  ...Object.entries(nouns).flatMap(([noun, { verbs }]) =>
    Object.entries(verbs).map(([verb, entry]): [string, CommandEntry] => [`${noun} ${verb}`, entry]),
  ),
]

test('no table has a letter or a name twice, and no global option that works is hidden by another', async () => {
  const twice: string[] = []
  for (const [path, entry] of everything) {
    const spec = await entry.load?.()
    const options = spec === undefined ? [] : knownOptions(spec.options)
    const names = options.flatMap(({ name, spec }) => [name, ...(spec.aliases ?? [])].map(each => `--${each}`))
    const words = [...names, ...options.flatMap(({ spec }) => (spec.short === undefined ? [] : [`-${spec.short}`]))]
    for (const { name } of knownOptions(globalOptions).filter(({ spec }) => !spec.refused))
      if (names.includes(`--${name}`)) twice.push(`${path} --${name}`)
    twice.push(...words.filter((word, at) => words.indexOf(word) !== at).map(word => `${path} ${word}`))
  }
  expect(twice).toEqual([])
})

test('a refused option is refused whatever it is given, but for the values that ask for nothing', async () => {
  const { options } = await load('run')
  const accepted: string[] = []
  for (const { name, spec } of knownOptions(options).filter(({ spec }) => spec.refused !== undefined)) {
    try {
      spec.parse('zzz', undefined, `--${name}`)
      accepted.push(name)
    } catch (error) {
      expect(error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining('is not implemented yet') })
    }
  }
  expect(accepted).toEqual([])
  expect(() => options['isolation']?.parse('default', undefined, '--isolation')).not.toThrow()
  expect(() => options['isolation']?.parse('hyperv', undefined, '--isolation')).toThrow(
    '--isolation=hyperv is not implemented yet',
  )
})
