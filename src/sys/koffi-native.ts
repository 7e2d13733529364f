// Where koffi's native module lies in a source tree. In the executable scripts/build.ts puts the embedded file in this one's place.
import { createRequire } from 'node:module'

/** Path of the native module; inside the executable a path of its own file system (`/$bunfs/…`). */
export const nativeModule: string = createRequire(import.meta.url).resolve('#koffi-native')
