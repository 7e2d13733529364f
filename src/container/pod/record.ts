// pod.json, the record of one pod: what was asked for and decided when it was made. Immutable. Read without locks; written to a temporary
// name and renamed.
import type { ContainerId } from '#container/record.ts'
import type { PodRequest } from './request.ts'

/** 64 hexadecimal digits. */
export type PodId = string & { readonly brand: 'PodId' }

export interface PodRecord {
  version: 1
  id: PodId
  name: string
  createdMs: number
  request: PodRequest
  /** decided before it is made; absent for a pod without one */
  infraId?: ContainerId
}
