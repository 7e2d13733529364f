// update: other limits for containers, of one that runs at once, of another when it starts; and another restart policy.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireControllers } from '#cgroup/pick.ts'
import { planSettings } from '#cgroup/settings.ts'
import { replaceFile } from '#container/exit-record.ts'
import { withContainerLock } from '#container/lock.ts'
import { withDefaultSwap } from '#container/options/resources.ts'
import { type ContainerRecord, containerDir, readRecord, writeRecord } from '#container/record.ts'
import type { RestartPolicy } from '#container/restart-policy.ts'
import { isRunning, readStatus } from '#container/state.ts'
import type { ContainerName, UpdateChanges } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'
import { parseRuntimeSpec } from '#oci/runtime-spec-parser.ts'
import { checkLimits } from './cgroup.ts'
import { findOne } from './select.ts'
import { machineOf } from './survey.ts'

/** The verb: the container's id. What is not named stays. */
export async function updateContainer(name: ContainerName, { resources, restart }: UpdateChanges): Promise<string> {
  const engine = await openEngine()
  const id = findOne(engine, name)
  await withContainerLock(containerDir(engine.graphRoot, id), async () => {
    const record = readRecord(engine.graphRoot, id)
    const request = {
      ...record.request,
      ...(restart !== undefined && { restart: policyFor(record, restart) }),
      ...(resources !== undefined && { resources: await limit(engine, record, resources) }),
    }
    writeRecord(engine.graphRoot, { ...record, request })
    const { image, labels } = record
    const event = { id, name: record.name, image: image?.name ?? '', attributes: labels }
    engine.journal({ type: 'container', status: 'update', ...event })
  })
  return id
}

/** Its monitor looks at the policy when it ends. */
function policyFor(
  { id, request, logDriver }: ContainerRecord,
  restart: RestartPolicy | 'no',
): RestartPolicy | undefined {
  if (restart === 'no') return undefined
  if (request.remove)
    throw new TspodError('CONFLICT', `container ${id} is removed when it ends: it cannot be restarted`)
  if (logDriver === 'passthrough')
    throw new TspodError(
      'CONFLICT',
      `container ${id} writes to the streams of a command, which a restart does not have`,
    )
  return restart
}

/** All limits that then hold; those of a running container hold at once. */
async function limit(engine: Engine, record: ContainerRecord, changes: ResourcesSpec): Promise<ResourcesSpec> {
  const { id, request } = record
  const folder = containerDir(engine.graphRoot, id)
  const isLimited = record.request.resources?.memory?.swap !== undefined
  const wanted = isLimited ? changes : (withDefaultSwap(changes) ?? changes)
  const resources = merged(record.request.resources, wanted)
  const picked = await engine.cgroups()
  if (request.softLimits === true) {
    await checkLimits(engine, { ...request, resources })
    if (isRunning(readStatus(folder, machineOf(engine))))
      throw new TspodError('UNSUPPORTED', `changing the limits of container ${id} while it runs: it has soft ones`, {
        hint: 'stop it, change them, and start it',
      })
    return resources
  }
  requireControllers(picked, planSettings(resources))
  const report = readStatus(folder, machineOf(engine))
  if (isRunning(report)) {
    const group = report.state?.cgroupFolder
    if (group === undefined || picked.manager === undefined)
      throw new TspodError('UNSUPPORTED', `limiting container ${id}: it has no control group of its own`)
    // all of a controller that is touched: the kernel's swap limit follows from two of OCI's
    const touched = new Set(planSettings(wanted).map(({ controller }) => controller))
    const settings = planSettings(resources).filter(({ controller }) => touched.has(controller))
    if (request.cgroups === 'split') (await import('#cgroup/cgroupfs.ts')).updateGroup(group, settings)
    else picked.manager.update(group, settings)
    writeConfig(folder, resources)
  }
  return resources
}

/** Part by part; a new quota or limit takes the place of the old one. */
function merged(before: ResourcesSpec = {}, changes: ResourcesSpec): ResourcesSpec {
  return {
    ...before,
    ...changes,
    ...(changes.memory && { memory: { ...before.memory, ...changes.memory } }),
    ...(changes.cpu && { cpu: { ...before.cpu, ...changes.cpu } }),
    ...(changes.blockIO && { blockIO: { ...before.blockIO, ...changes.blockIO } }),
    ...(changes.unified && { unified: { ...before.unified, ...changes.unified } }),
  }
}

function writeConfig(folder: string, resources: ResourcesSpec): void {
  const path = join(folder, 'config.json')
  const spec = parseRuntimeSpec(readFileSync(path, 'utf8'))
  const linux = { ...spec.linux, resources: { ...spec.linux?.resources, ...resources } }
  replaceFile(path, JSON.stringify({ ...spec, linux }), false)
}
