// `livenessProbe` and `startupProbe` of a container as its health check. Pure.
import type { HealthRequest } from '#container/healthcheck.ts'
import type { KubeField } from './field.ts'

interface Probe {
  test: string[]
  delayMs: number
  intervalMs: number
  timeoutMs: number
  failures: number
  successes: number
}

const honoured = `exec httpGet tcpSocket initialDelaySeconds periodSeconds timeoutSeconds failureThreshold successThreshold`

/** `undefined` where there is no probe. `restarts`: what has failed is started again, else it is ended. */
export function planHealth(
  container: KubeField,
  restarts: boolean,
  warn: (text: string) => void,
): HealthRequest | undefined {
  const liveness = probeOf(container, 'livenessProbe', warn)
  const startup = probeOf(container, 'startupProbe', warn)
  const regular = liveness ?? startup
  if (regular === undefined) return undefined
  const onFailure = restarts ? 'restart' : 'kill'
  return {
    test: regular.test,
    // without a liveness probe, what has started is well
    intervalMs: liveness === undefined ? 'disable' : regular.intervalMs,
    timeoutMs: regular.timeoutMs,
    retries: regular.failures,
    startPeriodMs: regular.delayMs,
    onFailure,
    ...(startup && {
      startup: {
        test: startup.test,
        intervalMs: startup.intervalMs,
        timeoutMs: startup.timeoutMs,
        retries: startup.failures,
        successes: startup.successes,
      },
    }),
  }
}

function probeOf(container: KubeField, key: string, warn: (text: string) => void): Probe | undefined {
  const probe = container.object(key)
  if (probe === undefined) return undefined
  probe.check(
    {
      honoured,
      warned: { terminationGracePeriodSeconds: 'that of the pod counts' },
      refused: { grpc: 'use exec, httpGet or tcpSocket' },
    },
    warn,
  )
  const seconds = (name: string, usual: number, least: number) => (probe.integer(name, least, 1e6) ?? usual) * 1000
  const successes = probe.integer('successThreshold', 1) ?? 1
  if (key === 'livenessProbe' && successes !== 1) throw probe.needed('successThreshold').error('must be 1')
  return {
    test: testOf(probe, container, warn),
    delayMs: seconds('initialDelaySeconds', 0, 0),
    intervalMs: seconds('periodSeconds', 10, 1),
    timeoutMs: seconds('timeoutSeconds', 1, 1),
    failures: probe.integer('failureThreshold', 1) ?? 3,
    successes,
  }
}

function testOf(probe: KubeField, container: KubeField, warn: (text: string) => void): string[] {
  const given = ['exec', 'httpGet', 'tcpSocket'].filter(key => probe.child(key) !== undefined)
  if (given.length !== 1) throw probe.error('must have one of exec, httpGet, tcpSocket')
  const exec = probe.object('exec')
  if (exec !== undefined) {
    exec.check({ honoured: 'command' }, warn)
    const command = exec.texts('command')
    if (command.length === 0) throw exec.error('has no command')
    return ['CMD', ...command]
  }
  const socket = probe.object('tcpSocket')
  if (socket !== undefined) {
    socket.check({ honoured: 'port host' }, warn)
    return ['CMD-SHELL', `nc -z -w 1 ${quote(socket.text('host') ?? 'localhost')} ${portOf(socket, container)}`]
  }
  return ['CMD-SHELL', httpScript(probe.needed('httpGet').requireObject(), container, warn)]
}

/** The check runs inside: with curl, or wget where the image has no curl. */
function httpScript(get: KubeField, container: KubeField, warn: (text: string) => void): string {
  get.check({ honoured: 'path port host scheme httpHeaders' }, warn)
  const scheme = get.choice('scheme', ['HTTP', 'HTTPS']) ?? 'HTTP'
  const path = get.text('path') ?? '/'
  const host = get.text('host') ?? 'localhost'
  const address = host.includes(':') ? `[${host}]` : host
  const url = quote(
    `${scheme.toLowerCase()}://${address}:${portOf(get, container)}${path.startsWith('/') ? '' : '/'}${path}`,
  )
  const headers = get.objects('httpHeaders').map(header => {
    header.check({ honoured: 'name value' }, warn)
    return `${header.neededText('name')}: ${header.text('value') ?? ''}`
  })
  const curl = ['curl', '-fsSk', '-o', '/dev/null', ...headers.flatMap(header => ['-H', quote(header)]), url].join(' ')
  const wget = [
    'wget',
    '-q',
    ...(scheme === 'HTTPS' ? ['--no-check-certificate'] : []),
    '-O',
    '/dev/null',
    ...headers.map(header => `--header=${quote(header)}`),
    url,
  ].join(' ')
  return `if command -v curl >/dev/null; then ${curl}; else ${wget}; fi`
}

/** A number, or the name of one of the container's ports. */
function portOf(holder: KubeField, container: KubeField): number {
  const port = holder.needed('port')
  if (typeof port.value !== 'string') return port.asInteger(1, 65535)
  const named = container.objects('ports').find(each => each.text('name') === port.value)
  const number = named?.integer('containerPort', 1, 65535) ?? (/^\d{1,5}$/.test(port.value) ? Number(port.value) : 0)
  if (number >= 1 && number <= 65535) return number
  throw port.error(`is "${port.value}": the container has no port of this name`)
}

function quote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
