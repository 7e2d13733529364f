// Where the network service is, and how it is started. Host namespaces.
import type { Engine } from '#engine/open.ts'
import type { ServiceHost } from '#network/bridge/client.ts'

export async function serviceHost(engine: Engine): Promise<ServiceHost> {
  const namespace = await engine.namespace()
  return {
    namespace,
    runRoot: engine.runRoot,
    detach: async pid => await (await import('#engine/detach.ts')).detachNetworkService(pid, namespace.keeper.pid),
  }
}
