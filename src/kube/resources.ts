// `resources` of a container: what it may use at most, and what it would like to have. Pure.
import { withDefaultSwap } from '#container/options/resources.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'
import type { KubeField } from './field.ts'
import { quantityOf } from './quantity.ts'

const PERIOD_US = 100_000
const LEAST_QUOTA_US = 1000
/** What one processor is worth in shares (cgroups(7)). */
const SHARES = 1024

const listed = { honoured: 'cpu memory', warned: { 'ephemeral-storage': 'files of containers have no limit' } }

export interface ResourcePlan {
  limits?: ResourcesSpec
  wishes?: ResourcesSpec
}

export function planResources(container: KubeField, warn: (text: string) => void): ResourcePlan {
  const resources = container.objectOrEmpty('resources')
  resources.check({ honoured: 'limits requests', refused: { claims: 'there are no devices to be claimed' } }, warn)
  const [limits, requests] = [resources.objectOrEmpty('limits'), resources.objectOrEmpty('requests')]
  for (const side of [limits, requests]) checkNames(side, warn)
  const [cpu, memory] = [amount(limits, 'cpu'), amount(limits, 'memory')]
  const [cpuWish, memoryWish] = [amount(requests, 'cpu'), amount(requests, 'memory')]
  for (const [wish, limit, name] of [
    [cpuWish, cpu, 'cpu'],
    [memoryWish, memory, 'memory'],
  ] as const)
    if (wish !== undefined && limit !== undefined && wish > limit)
      throw requests.needed(name).error('is more than the limit')
  const quota = cpu === undefined ? undefined : Math.max(Math.round(cpu * PERIOD_US), LEAST_QUOTA_US)
  return {
    ...((quota !== undefined || memory !== undefined) && {
      limits: withDefaultSwap({
        ...(quota !== undefined && { cpu: { period: PERIOD_US, quota } }),
        ...(memory !== undefined && { memory: { limit: Math.floor(memory) } }),
      }),
    }),
    ...((cpuWish !== undefined || memoryWish !== undefined) && {
      wishes: {
        ...(cpuWish !== undefined && { cpu: { shares: Math.max(2, Math.round(cpuWish * SHARES)) } }),
        ...(memoryWish !== undefined && { memory: { reservation: Math.floor(memoryWish) } }),
      },
    }),
  }
}

/** Other resources are devices and huge pages, which nobody hands out here. */
function checkNames(side: KubeField, warn: (text: string) => void): void {
  const others = side.keys().filter(key => !['cpu', 'memory', 'ephemeral-storage'].includes(key))
  side.check({ ...listed, refused: Object.fromEntries(others.map(key => [key, 'only cpu and memory are'])) }, warn)
}

/** 0 asks for nothing. */
function amount(side: KubeField, name: string): number | undefined {
  const field = side.child(name)
  const value = field === undefined ? 0 : quantityOf(field)
  return value === 0 ? undefined : value
}
