// image from-host: an image of programs of this machine and what they need, for places without a registry.

import type { FromHostOptions } from '#engine/contracts/image.ts'
import { openEngine } from '#engine/open.ts'
import { findProgram } from '#host/helper-programs.ts'
import { HostFiles } from '#image/host-files.ts'
import { packHostLayer } from '#image/host-layer.ts'
import { newImageSource, writeLayerFile } from '#image/new-image.ts'
import { fullTagName } from '#image/store.ts'
import { log } from '#log.ts'
import { openStaging } from '#storage/staging.ts'
import { hostPlatform, storeImage } from './import.ts'

/** What a shell user expects; those that are not installed are left out. */
const usualPrograms =
  `sh bash ls cat cp mv rm mkdir rmdir ln touch chmod chown stat du df find id whoami hostname uname date env
  printenv echo printf pwd head tail wc sort uniq cut tr grep sed awk tee xargs seq sleep true false test basename dirname readlink
  realpath ps top free kill pgrep mount umount findmnt ip ping tty stty nproc dd sync sha256sum tar gzip mktemp timeout yes nsenter
  setpriv getent`.split(/\s+/)

/** The verb. Throws NOT_FOUND where a program that was asked for, or any shell, is not installed. */
export async function imageFromHost(options: FromHostOptions): Promise<{ id: string; name: string }> {
  const name = fullTagName(options.name ?? 'mini')
  const engine = await openEngine()
  const files = new HostFiles()
  const wanted =
    options.programs.length > 0 ? options.programs : usualPrograms.filter(each => findProgram(each) !== undefined)
  files.addTopLinks()
  for (const program of wanted) files.addProgram(program)
  log.debug(`taking ${files.paths.size} files and links of this machine`)
  await using staging = openStaging(engine.graphRoot, 'from-host', () => engine.namespace())
  const layer = await writeLayerFile(packHostLayer(files), staging.path, 'this machine')
  const platform = hostPlatform()
  const source = newImageSource(layer, {
    platform,
    execution: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: [options.programs.length === 0 && findProgram('bash') !== undefined ? 'bash' : 'sh'],
    },
    createdBy: 'tspod image from-host',
    created: new Date(),
  })
  const image = await storeImage(engine, source, { names: [name], platform })
  engine.journal({ type: 'image', status: 'import', id: image.id, name, attributes: {} })
  return { id: image.id, name }
}
