// Builds where the kernel mounts no overlay: whatever keeps what a step writes, the image is the same.
import { expect } from 'bun:test'
import { tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { ok, tspod } = box

const file = `FROM alpine AS zero
RUN mkdir /d && echo zero > /d/k
FROM alpine AS one
RUN mkdir -p /d/e /d/g && echo x > /d/e/f && ln -s one /two && echo one > /one && ln /one /three && echo k > /d/k && touch -d @1000 /d/k
WORKDIR /w/x
COPY file /d/e/copied
COPY --link --chown=3:4 file /linked/
RUN rm /d/e/f /one /etc/profile && mkdir /one && echo y > /one/z && rm -r /d/g && echo 4 > /d/g && chmod 700 /w && echo K > /d/k && touch -d @1000 /d/k
RUN --mount=type=bind,from=zero,source=/d,target=/m --mount=type=cache,target=/c cp /m/k /m2 && rm -r /d/e && mkdir /d/e && echo new > /d/e/n
FROM alpine
COPY --from=one /d /dd
COPY --from=one /three /one/z /
`

/** Layers, and files as a container of the last image sees them. */
async function build(driver: string, folder: string, ...options: string[]): Promise<{ layers: string; seen: string }> {
  const engine = ['--storage-driver', driver]
  const { status, stdout, stderr } = await tspod(...engine, 'build', '--no-cache', '-q', ...options, folder)
  expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
  const id = stdout.trim()
  const look =
    'for path in /d /dd /one /two /three /w /linked /m /m2 /z /etc; do find $path -exec stat -c "%n %F %a %u:%g" {} + 2>&1; done | sort; cat /d/k /dd/k /m2 2> /dev/null || :'
  return {
    layers: await ok('image', 'inspect', '-f', '{{json .RootFS.Layers}}', id),
    seen: await ok(...engine, 'run', '--rm', id, 'sh', '-c', look),
  }
}

for (const driver of ['fuse-overlayfs', 'copy'])
  tspodOnly(...(driver === 'copy' ? [] : (['fuse'] as const)))(
    `${driver} makes the layers that overlay makes`,
    async () => {
      const folder = box.folder(`context-${driver}`)
      write(folder, 'Containerfile', file)
      write(folder, 'file', 'content\n')
      for (const options of [['--target', 'one', '--squash-all'], ['--target', 'one', '--squash'], []]) {
        const wanted = await build('overlay', folder, '--timestamp', '0', ...options)
        const found = await build(driver, folder, '--timestamp', '0', ...options)
        expect(found.seen).toBe(wanted.seen)
        // a copy does not show that a folder was removed and made again: what was in it is gone name by name
        if (driver !== 'copy' || options.includes('--squash-all')) expect(found.layers).toBe(wanted.layers)
      }
      expect(await ok('ps', '-aq')).toBe('')
    },
    120_000,
  )
