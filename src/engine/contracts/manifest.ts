// Inputs of the verbs for lists of images: data only.
import type { MemberFacts } from '#image/manifest-list.ts'
import type { PushImageOptions, RegistryOptions } from './image.ts'

export interface AddOptions extends RegistryOptions {
  /** every image of a list, instead of the one that fits */
  all: boolean
  facts: MemberFacts
}

export interface CreateListOptions extends RegistryOptions {
  all: boolean
  /** go on with a list that exists */
  amend: boolean
  annotations?: Record<string, string>
}

export interface PushListOptions extends PushImageOptions {
  /** the images too */
  all: boolean
  /** afterwards the list is removed here */
  remove: boolean
}
