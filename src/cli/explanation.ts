// --explain of run and create.
import type { ContainerRequest } from '#container/request.ts'
import { print } from './output.ts'

/** Prints the commands for a container instead of making it. */
export async function printExplanation(request: ContainerRequest): Promise<number> {
  const { explainContainer } = await import('#engine/container/explain.ts')
  print((await explainContainer(request)).map(line => `${line}\n`).join(''))
  return 0
}
