// What a stage does, decided: each instruction of a Containerfile as a change of the configuration and perhaps of the files. Pure data.
import type { Instruction } from '#build/parse/instruction.ts'
import type { WholeLine } from '#build/parse/lines.ts'
import type { RunMount } from '#build/parse/run-mount.ts'
import type { ExecutionConfig } from '#oci/image-config.ts'

export interface RunAction {
  kind: 'run'
  /** the program and its arguments */
  args: string[]
  /** a here-document that is itself a program: it is put at `path` */
  script?: { path: string; content: string }
  /** `NAME=value`: the configuration's, and build arguments below it */
  env: string[]
  user: string
  workdir: string
  mounts: RunMount[]
  network: 'default' | 'none' | 'host'
}

export type CopySource =
  /** a pattern in the context, or in the stage or image of `from` */
  | { kind: 'path'; pattern: string }
  | { kind: 'inline'; name: string; content: string }
  | { kind: 'url'; url: string }
  | { kind: 'git'; url: string }

export interface CopyAction {
  kind: 'copy'
  /** ADD: local archives are unpacked */
  unpack: boolean
  sources: CopySource[]
  /** absolute; a final slash means a folder */
  destination: string
  /** a stage, an image or a named context; absent: the context */
  from?: string
  /** as written: names are those of the stage's /etc/passwd */
  chown?: string
  /** as written: octal, or `u+rwX,go=rX` */
  chmod?: string
  link: boolean
  parents: boolean
  exclude: string[]
  checksum?: string
  keepGitDir: boolean
}

/** WORKDIR: the folder is made where it is not there. */
export interface FolderAction {
  kind: 'folder'
  path: string
}

export type Action = RunAction | CopyAction | FolderAction

export interface Step {
  line: WholeLine
  instruction: Instruction
  /** as people see it: `RUN echo hi` with variables replaced where the instruction replaces them */
  shown: string
  /** for the history */
  createdBy: string
  /** how to run the image after this step */
  config: ExecutionConfig
  author?: string
  /** absent: only the configuration changes */
  action?: Action
}
