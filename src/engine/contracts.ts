// The boundary between whoever asks (command line, service) and the engine: every verb, its file, its signature.
// Engine functions never print and never parse what a user typed; failures are TspodErrors, progress comes as callbacks.
import type { ContainerRequest } from '#container/request.ts'
import type * as A from './contracts/artifact.ts'
import type * as C from './contracts/container.ts'
import type * as I from './contracts/image.ts'
import type * as K from './contracts/kube.ts'
import type * as M from './contracts/manifest.ts'
import type * as S from './contracts/system.ts'
import type * as V from './contracts/volume.ts'

/** One exported function per verb; the comment names its file below `src/engine/`. */
export interface EngineVerbs {
  /** container/run.ts: create, start, attach or leave running. 126/127 come as errors with that `exitCode`. */
  runContainer(request: ContainerRequest, options: C.RunOptions): Promise<C.RunOutcome>
  /** container/create.ts */
  createContainer(request: ContainerRequest, pull: I.PullOptions): Promise<{ id: string }>
  /** container/explain.ts: what both would do, as lines of a script for bash; the image must be there, nothing is made */
  explainContainer(request: ContainerRequest): Promise<string[]>
  /** container/start.ts */
  startContainers(selection: C.Selection): Promise<C.Outcome[]>
  /** container/start.ts: start one and attach to it before its process runs */
  startAttached(name: C.ContainerName, streams: C.ClientStreams): Promise<C.AttachOutcome>
  /** container/stop.ts */
  stopContainers(selection: C.Selection, options: C.StopOptions): Promise<C.Outcome[]>
  /** container/restart.ts */
  restartContainers(selection: C.Selection, options: C.RestartOptions): Promise<C.Outcome[]>
  /** container/kill.ts: `signal` is a name or number as typed; INVALID when it is neither */
  killContainers(selection: C.Selection, options: { signal: string }): Promise<C.Outcome[]>
  /** container/remove.ts */
  removeContainers(selection: C.Selection, options: C.RemoveOptions): Promise<C.Outcome[]>
  /** container/exec.ts */
  execContainer(name: C.ContainerName, request: C.ExecRequest, streams: C.ClientStreams): Promise<C.ExecOutcome>
  /** container/attach.ts */
  attachContainer(name: C.ContainerName, streams: C.ClientStreams): Promise<C.AttachOutcome>
  /** container/logs.ts: calls `onEntry` in order per container; ends at `signal`, or when nothing more can come */
  readLogs(
    names: C.ContainerName[],
    options: C.LogOptions,
    onEntry: (entry: C.LogEntry) => void | Promise<void>,
  ): Promise<void>
  /** container/list.ts */
  listContainers(query: C.ContainerQuery): Promise<C.ContainerSummary[]>
  /** container/inspect.ts: podman's JSON of each, in order; fails on the first unknown name */
  inspectContainers(names: C.ContainerName[], options: { size: boolean }): Promise<C.InspectObject[]>
  /** container/wait.ts: resolves when every container met one of the conditions; `exitCode` -1 where it never exited */
  waitContainers(names: C.ContainerName[], options: C.WaitOptions): Promise<C.WaitOutcome[]>
  /** container/top.ts */
  topContainer(name: C.ContainerName, request: C.TopRequest): Promise<C.ProcessTable>
  /** container/rename.ts */
  renameContainer(name: string, newName: string): Promise<void>
  /** container/port.ts: containers with their published ports; all running ones where `all` */
  listPorts(selection: C.Selection): Promise<C.ContainerPorts[]>
  /** container/copy.ts */
  copyFiles(request: C.CopyRequest): Promise<void>
  /** container/diff.ts: against the image, or between two named containers or images */
  diffObjects(name: C.ContainerName, other?: string): Promise<C.Change[]>
  /** container/diff.ts: the same for images alone */
  diffImages(name: string, other?: string): Promise<C.Change[]>
  /** container/export.ts: an uncompressed tar of the whole root file system, in order */
  exportContainer(name: string, write: I.WriteChunk): Promise<void>
  /** container/commit.ts: an image of what it has become; without a reference a nameless one */
  commitContainer(
    name: C.ContainerName,
    reference: string | undefined,
    options: C.CommitOptions,
  ): Promise<{ id: string }>
  /** container/prune.ts: removes what is not running; with the bytes that each gave back */
  pruneContainers(filters: C.ContainerFilter[]): Promise<S.Pruned[]>
  /** container/exists.ts */
  containerExists(name: string): Promise<boolean>

  /** image/pull.ts: one name; several ids with `allTags` */
  pullImage(name: string, options: I.PullOptions & { allTags: boolean }): Promise<I.PulledImage[]>
  /** image/push.ts: to `destination`, by default the image's own name */
  pushImage(name: string, destination: string | undefined, options: I.PushImageOptions): Promise<I.PushedImage>
  /** image/login.ts: tries the password, then keeps it */
  loginRegistryWith(registry: string, request: I.LoginRequest): Promise<{ storedIn: string }>
  /** image/login.ts: forgets it, or all */
  logoutRegistry(registry: string | undefined, request: I.LogoutRequest): Promise<void>
  /** image/sign.ts: the digests that were signed */
  signImages(names: string[], options: I.SignImageOptions): Promise<string[]>
  /** image/search.ts */
  searchImages(term: string, options: I.SearchOptions): Promise<I.SearchedImage[]>
  /** image/search.ts: every tag of a repository */
  listTags(name: string, options: I.SearchOptions): Promise<I.FoundTags>
  /** image/tree.ts */
  imageTree(name: string, options: { whatRequires: boolean }): Promise<I.ImageTree>
  /** image/mount.ts: only inside the user's namespace */
  mountImages(names: string[], options: { all: boolean }): Promise<I.MountedImage[]>
  /** image/mount.ts */
  listMountedImages(): Promise<I.MountedImage[]>
  /** image/mount.ts: ids of the images that are not mounted any more */
  unmountImages(names: string[], options: { all: boolean; force: boolean }): Promise<string[]>
  /** image/list.ts */
  listImages(query: I.ImageQuery): Promise<I.ImageSummary[]>
  /** image/remove.ts */
  removeImages(names: string[], options: I.RemoveImageOptions): Promise<I.RemovedImage[]>
  /** image/tag.ts */
  tagImage(source: string, targets: string[]): Promise<void>
  /** image/tag.ts: takes these names, or all of them, away from an image; keeps the image */
  untagImage(source: string, names: string[]): Promise<void>
  /** image/inspect.ts: podman's JSON of each, in order */
  inspectImages(names: string[]): Promise<C.InspectObject[]>
  /** image/history.ts: newest first */
  imageHistory(name: string): Promise<I.HistoryEntry[]>
  /** image/exists.ts */
  imageExists(name: string): Promise<boolean>
  /** image/prune.ts: with `dryRun`, names and sizes of what would go */
  pruneImages(options: { all: boolean; filters: I.ImageFilter[]; dryRun?: boolean }): Promise<S.Pruned[]>
  /** image/load.ts: the names (or ids of nameless images) that were loaded */
  loadImages(input: I.ArchiveInput, options: { onProgress?: I.OnProgress }): Promise<string[]>
  /** image/save.ts: the digests of the manifests that were written */
  saveImages(names: string[], options: I.SaveOptions): Promise<string[]>
  /** image/import.ts: the new image's id */
  importImage(input: I.ArchiveInput, options: I.ImportOptions): Promise<{ id: string }>
  /** image/from-host.ts: an image made from programs of this machine and their libraries */
  imageFromHost(options: I.FromHostOptions): Promise<{ id: string; name: string }>

  /** manifest/edit.ts: the list's id, which changes with the list */
  createList(name: string, images: string[], options: M.CreateListOptions): Promise<string>
  /** manifest/edit.ts */
  addToList(name: string, images: string[], options: M.AddOptions): Promise<string>
  /** manifest/edit.ts: what it says of a member, or of itself */
  annotateList(name: string, image: string | undefined, facts: M.AddOptions['facts']): Promise<string>
  /** manifest/edit.ts */
  removeFromList(name: string, image: string): Promise<string>
  /** manifest/edit.ts: ids of what is gone */
  removeLists(names: string[]): Promise<string[]>
  /** manifest/edit.ts */
  listExists(name: string): Promise<boolean>
  /** manifest/inspect.ts: of the store or of a registry */
  inspectList(name: string, options: I.RegistryOptions): Promise<C.InspectObject>
  /** manifest/push.ts */
  pushList(
    name: string,
    destination: string | undefined,
    options: M.PushListOptions,
  ): Promise<{ digest: string; id: string }>

  /** artifact/artifact.ts: the digest, 64 digits; the other verbs of artifacts too */
  addArtifact(name: string, paths: string[], options: A.AddArtifactOptions): Promise<string>
  listArtifacts(): Promise<A.ArtifactSummary[]>
  inspectArtifacts(names: string[]): Promise<C.InspectObject[]>
  removeArtifacts(names: string[], options: { all: boolean }): Promise<string[]>
  extractArtifact(name: string, target: string, which: { title?: string; digest?: string }): Promise<void>
  pullArtifact(name: string, options: A.MoveArtifactOptions): Promise<string>
  pushArtifact(name: string, destination: string | undefined, options: A.MoveArtifactOptions): Promise<string>

  /** volume/create.ts */
  createVolume(request: V.VolumeRequest): Promise<{ name: string }>
  /** volume/list.ts */
  listVolumes(filters: V.VolumeFilter[]): Promise<V.VolumeSummary[]>
  /** volume/remove.ts */
  removeVolumes(names: string[], options: V.RemoveVolumeOptions): Promise<C.Outcome[]>
  /** volume/prune.ts: with `dryRun`, what would go */
  pruneVolumes(options: V.PruneVolumeOptions): Promise<S.Pruned[]>
  /** volume/exists.ts */
  volumeExists(name: string): Promise<boolean>

  /** kube/play.ts: volumes and pods of Kubernetes objects; what fails half way leaves nothing */
  playKube(request: K.PlayRequest): Promise<K.Played>
  /** kube/wait.ts: stays until a play's containers have ended, then takes them away; the exit status */
  waitForPlayed(played: K.Played, options: K.WaitForPlayedOptions): Promise<number>
  /** kube/down.ts: takes away what a play of the same files made */
  kubeDown(files: readonly string[], options: { force: boolean }): Promise<K.PlayedDown>
  /** kube/generate.ts: the text of a Kubernetes file */
  generateKube(names: readonly string[], options: K.GenerateKubeOptions): Promise<string>

  /** inspect.ts: any kind of object by name; containers win over images, images over volumes */
  inspectObjects(names: string[], options: C.InspectOptions): Promise<C.Inspected>

  /** system/info.ts */
  systemInfo(): Promise<S.SystemInfo>
  /** system/version.ts */
  systemVersion(): S.VersionReport
  /** system/doctor.ts */
  runDoctor(): Promise<S.Check[]>
  /** system/events.ts: past ones in order, then, with `follow`, new ones until `signal` or `until` */
  readEvents(query: S.EventQuery, onEvent: (event: S.EngineEvent) => void | Promise<void>): Promise<void>
  /** system/prune.ts */
  pruneSystem(options: S.SystemPruneOptions): Promise<S.SystemPruned>
  /** system/df.ts */
  diskUsage(): Promise<S.DiskUsage>
  /** system/reset.ts: stops and removes everything below the store and the runtime folder */
  resetSystem(): Promise<void>
  /** system/reset.ts: what a reset would remove, for the question before it */
  planReset(): Promise<{ paths: string[]; containers: number; images: number; volumes: number }>
  /** system/check.ts */
  checkStore(options: S.CheckOptions): Promise<S.StoreProblem[]>
  /** system/unshare.ts: the command's exit status */
  unshareCommand(command: string[]): Promise<number>
}
