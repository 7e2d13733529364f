// `npm run bench:vm`: a start with a scope of systemd, against podman with the systemd manager. Software emulation is 10 to 30 times
// slower than a processor: only the ratio says something.
import { expect, test } from 'bun:test'
import { command, image, ok, tspodPath } from './_vm.ts'

const RUNS = 7
const words = ['run', '--rm', '--network', 'none', '--pids-limit', '100']

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** Milliseconds of each of several runs, the two taking turns; the first of each is not counted. */
function measure(lines: Record<string, string[]>): Record<string, number> {
  const times: Record<string, number[]> = {}
  for (let run = 0; run <= RUNS; run++)
    for (const [name, line] of Object.entries(lines)) {
      const begin = performance.now()
      const { status, stderr } = command(...line)
      expect({ name, status, stderr: status === 0 ? '' : stderr }).toEqual({ name, status: 0, stderr: '' })
      if (run > 0) (times[name] ??= []).push(performance.now() - begin)
    }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]))
}

test('run with a scope takes at most a quarter of podman’s time', () => {
  ok('load', '--quiet', '--input', image)
  expect(command('podman', 'load', '--quiet', '--input', image).status).toBe(0)
  expect(command('podman', 'info', '--format', '{{.Host.CgroupManager}}').stdout.trim()).toBe('systemd')
  expect(ok('info', '--format', '{{.Host.CgroupManager}}')).toBe('systemd')
  const { tspod = 0, podman = 0 } = measure({
    tspod: [tspodPath, ...words, 'alpine', 'true'],
    podman: ['podman', ...words, 'docker.io/library/alpine', 'true'],
  })
  console.log(
    `run with a scope: tspod ${tspod.toFixed(0)} ms, podman ${podman.toFixed(0)} ms, ratio ${(tspod / podman).toFixed(3)}`,
  )
  expect(tspod / podman).toBeLessThanOrEqual(0.25)
}, 900_000)
