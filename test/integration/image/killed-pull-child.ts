// A process of its own that pulls, to be killed: `bun killed-pull-child.ts STORE NAME`.
import { pullImage } from '#image/pull.ts'
import { ImageStore } from '#image/store.ts'
import { RecordingLayers } from './recording-layers.ts'

const [root = '', name = ''] = process.argv.slice(2)
await pullImage(new ImageStore(root), new RecordingLayers(), name, {
  policy: 'always',
  host: { os: 'linux', architecture: 'amd64' },
  tlsVerify: false,
})
