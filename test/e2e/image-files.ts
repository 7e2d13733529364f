// Images that tests bring themselves: any layers, pushed to the test registry as they are.
import { join } from 'node:path'
import { type LayoutLayer, writeOciLayout } from '#test/setup/oci-layout.ts'
import type { Sandbox } from './sandbox.ts'

/** Pushes an image of these layers and returns its full name. */
export async function pushImage(
  box: Sandbox,
  name: string,
  layers: LayoutLayer[],
  config: object = {},
): Promise<string> {
  const layout = join(box.folder('layouts'), name)
  writeOciLayout(layout, {
    name: 'latest',
    layers,
    config: { Cmd: ['/bin/sh'], Env: ['PATH=/usr/bin:/bin'], ...config },
  })
  const reference = `${process.env.TSPOD_TEST_REGISTRY}/${name}-${process.pid}:latest`
  await Bun.$`skopeo --insecure-policy copy -q --dest-tls-verify=false oci:${layout}:latest docker://${reference}`.quiet()
  return reference
}

/** The layer of the alpine fixture. */
export async function busyboxLayer(): Promise<LayoutLayer> {
  const file = join(process.env.TSPOD_TEST_FIXTURES ?? '', 'alpine.rootfs.tar')
  return { tar: await Bun.file(file).bytes(), compression: 'gzip' }
}
