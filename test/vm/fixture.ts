// Prints the path of the fixture image `alpine` as an archive, made where it is not there yet.
import { join, resolve } from 'node:path'
import { makeImages } from '#test/setup/images.ts'

console.log(join(makeImages(resolve(import.meta.dir, '../../.cache/fixtures'), {}), 'alpine.tar'))
