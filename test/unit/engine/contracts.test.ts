// The engine is what its contracts say: every verb exists, in its file, with its signature (checked by tsc).
import { expect, test } from 'bun:test'
import {
  addArtifact,
  extractArtifact,
  inspectArtifacts,
  listArtifacts,
  pullArtifact,
  pushArtifact,
  removeArtifacts,
} from '#engine/artifact/artifact.ts'
import { attachContainer } from '#engine/container/attach.ts'
import { commitContainer } from '#engine/container/commit.ts'
import { copyFiles } from '#engine/container/copy.ts'
import { createContainer } from '#engine/container/create.ts'
import { diffImages, diffObjects } from '#engine/container/diff.ts'
import { execContainer } from '#engine/container/exec.ts'
import { containerExists } from '#engine/container/exists.ts'
import { explainContainer } from '#engine/container/explain.ts'
import { exportContainer } from '#engine/container/export.ts'
import { inspectContainers } from '#engine/container/inspect.ts'
import { killContainers } from '#engine/container/kill.ts'
import { listContainers } from '#engine/container/list.ts'
import { readLogs } from '#engine/container/logs.ts'
import { listPorts } from '#engine/container/port.ts'
import { pruneContainers } from '#engine/container/prune.ts'
import { removeContainers } from '#engine/container/remove.ts'
import { renameContainer } from '#engine/container/rename.ts'
import { restartContainers } from '#engine/container/restart.ts'
import { runContainer } from '#engine/container/run.ts'
import { startAttached, startContainers } from '#engine/container/start.ts'
import { stopContainers } from '#engine/container/stop.ts'
import { topContainer } from '#engine/container/top.ts'
import { waitContainers } from '#engine/container/wait.ts'
import type { EngineVerbs } from '#engine/contracts.ts'
import { imageExists } from '#engine/image/exists.ts'
import { imageFromHost } from '#engine/image/from-host.ts'
import { imageHistory } from '#engine/image/history.ts'
import { importImage } from '#engine/image/import.ts'
import { inspectImages } from '#engine/image/inspect.ts'
import { listImages } from '#engine/image/list.ts'
import { loadImages } from '#engine/image/load.ts'
import { loginRegistryWith, logoutRegistry } from '#engine/image/login.ts'
import { listMountedImages, mountImages, unmountImages } from '#engine/image/mount.ts'
import { pruneImages } from '#engine/image/prune.ts'
import { pullImage } from '#engine/image/pull.ts'
import { pushImage } from '#engine/image/push.ts'
import { removeImages } from '#engine/image/remove.ts'
import { saveImages } from '#engine/image/save.ts'
import { listTags, searchImages } from '#engine/image/search.ts'
import { signImages } from '#engine/image/sign.ts'
import { tagImage, untagImage } from '#engine/image/tag.ts'
import { imageTree } from '#engine/image/tree.ts'
import { inspectObjects } from '#engine/inspect.ts'
import { kubeDown } from '#engine/kube/down.ts'
import { generateKube } from '#engine/kube/generate.ts'
import { playKube } from '#engine/kube/play.ts'
import { waitForPlayed } from '#engine/kube/wait.ts'
import { addToList, annotateList, createList, listExists, removeFromList, removeLists } from '#engine/manifest/edit.ts'
import { inspectList } from '#engine/manifest/inspect.ts'
import { pushList } from '#engine/manifest/push.ts'
import { checkStore } from '#engine/system/check.ts'
import { diskUsage } from '#engine/system/df.ts'
import { runDoctor } from '#engine/system/doctor.ts'
import { readEvents } from '#engine/system/events.ts'
import { systemInfo } from '#engine/system/info.ts'
import { pruneSystem } from '#engine/system/prune.ts'
import { planReset, resetSystem } from '#engine/system/reset.ts'
import { unshareCommand } from '#engine/system/unshare.ts'
import { systemVersion } from '#engine/system/version.ts'
import { createVolume } from '#engine/volume/create.ts'
import { volumeExists } from '#engine/volume/exists.ts'
import { listVolumes } from '#engine/volume/list.ts'
import { pruneVolumes } from '#engine/volume/prune.ts'
import { removeVolumes } from '#engine/volume/remove.ts'

const verbs: EngineVerbs = {
  playKube,
  waitForPlayed,
  kubeDown,
  generateKube,
  runContainer,
  createContainer,
  explainContainer,
  startContainers,
  startAttached,
  stopContainers,
  restartContainers,
  killContainers,
  removeContainers,
  execContainer,
  attachContainer,
  readLogs,
  listContainers,
  inspectContainers,
  waitContainers,
  topContainer,
  renameContainer,
  listPorts,
  copyFiles,
  diffObjects,
  diffImages,
  exportContainer,
  pruneContainers,
  containerExists,
  pullImage,
  pushImage,
  addArtifact,
  extractArtifact,
  inspectArtifacts,
  listArtifacts,
  pullArtifact,
  pushArtifact,
  removeArtifacts,
  signImages,
  createList,
  addToList,
  annotateList,
  removeFromList,
  removeLists,
  listExists,
  inspectList,
  pushList,
  searchImages,
  listTags,
  imageTree,
  mountImages,
  listMountedImages,
  unmountImages,
  commitContainer,
  loginRegistryWith,
  logoutRegistry,
  listImages,
  removeImages,
  tagImage,
  untagImage,
  inspectImages,
  imageHistory,
  imageExists,
  pruneImages,
  loadImages,
  saveImages,
  importImage,
  imageFromHost,
  createVolume,
  listVolumes,
  removeVolumes,
  pruneVolumes,
  volumeExists,
  inspectObjects,
  systemInfo,
  systemVersion,
  runDoctor,
  readEvents,
  pruneSystem,
  diskUsage,
  resetSystem,
  planReset,
  checkStore,
  unshareCommand,
}

test('every verb of the contracts is a function', () => {
  expect(Object.entries(verbs).filter(([, verb]) => typeof verb !== 'function')).toEqual([])
})
