// Which network driver serves a container, and with what program.

import { parseNetworkOption } from '#container/options/namespaces.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { findProgram } from '#host/helper-programs.ts'
import type { NetworkDriver } from '#network/driver.ts'
import { hostNetwork, noNetwork } from '#network/fixed.ts'
import { slirp4netnsNetwork } from '#network/slirp4netns/driver.ts'
import { parseSlirp4netnsOptions } from '#network/slirp4netns/options.ts'
import type { JoinedContainers } from './join-namespaces.ts'

export interface ConnectedNetwork {
  /** As the plan of a container knows it. */
  kind: 'none' | 'host' | 'own' | 'joined'
  /** Absent where another container's namespace is joined. */
  driver?: NetworkDriver
}

/** Decides by request and configuration. Throws where the program it needs is missing. */
export function connectNetwork(engine: Engine, request: ContainerRequest, _joined: JoinedContainers): ConnectedNetwork {
  const asked =
    request.network.kind === 'default' ? parseNetworkOption([engine.config.containers.netns]) : request.network
  switch (asked.kind) {
    case 'none':
      return { kind: 'none', driver: noNetwork }
    case 'host':
      return { kind: 'host', driver: hostNetwork }
    case 'container':
    case 'path':
      return { kind: 'joined' }
    case 'pasta':
      throw new TspodError('UNSUPPORTED', '--network pasta is not implemented yet', {
        hint: 'use --network slirp4netns, host or none',
      })
    case 'slirp4netns':
      return { kind: 'own', driver: slirp4netns(engine, asked.options) }
    case 'default':
    case 'private':
      return { kind: 'own', driver: slirp4netns(engine, [...engine.config.engine.networkCmdOptions]) }
  }
}

function slirp4netns(engine: Engine, options: readonly string[]): NetworkDriver {
  const { networkCmdPath, helperBinariesDirs } = engine.config.engine
  const path = networkCmdPath ?? findProgram('slirp4netns', helperBinariesDirs)
  if (path === undefined)
    throw new TspodError('NOT_FOUND', 'connecting the container to the network: slirp4netns is not installed', {
      hint: 'install the package slirp4netns (an administrator), or use --network none or --network host',
    })
  return slirp4netnsNetwork(path, parseSlirp4netnsOptions(options))
}
