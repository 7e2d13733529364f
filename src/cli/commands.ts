// Every command there is: name, one line about it, and where its code is. Loading this loads none of them.
import type { CommandSpec } from './command.ts'

export interface CommandEntry {
  summary: string
  /** absent: known to Podman's users, not there yet */
  load?: () => Promise<CommandSpec>
  /** further names */
  aliases?: readonly string[]
  hidden?: boolean
}

export interface NounEntry {
  summary: string
  verbs: Record<string, CommandEntry>
}

const here = (summary: string, load: () => Promise<CommandSpec>, aliases?: readonly string[]): CommandEntry => ({
  summary,
  load,
  aliases,
})
const later = (summary: string): CommandEntry => ({ summary })

const attach = here('Attach to a running container', async () => (await import('./commands/attach.ts')).attachCommand)
const commit = here(
  'Make an image from a changed container',
  async () => (await import('./commands/commit.ts')).commitCommand,
)
const cp = here(
  'Copy files between a container and this machine',
  async () => (await import('./commands/cp.ts')).cpCommand,
)
const create = here(
  'Create a container, without starting it',
  async () => (await import('./commands/create.ts')).createCommand,
)
const diff = here(
  "Show what changed in a container's file system",
  async () => (await import('./commands/diff.ts')).diffCommand,
)
const exec = here('Run a process in a running container', async () => (await import('./commands/exec.ts')).execCommand)
const exportCommand = here(
  "Write a container's file system as a tar archive",
  async () => (await import('./commands/export.ts')).exportCommand,
)
const kill = here('Send a signal to containers', async () => (await import('./commands/kill.ts')).killCommand)
const logs = here('Show the output of containers', async () => (await import('./commands/logs.ts')).logsCommand)
const port = here(
  'List the published ports of a container',
  async () => (await import('./commands/port.ts')).portCommand,
)
const ps = here('List containers', async () => (await import('./commands/ps.ts')).psCommand)
const rename = here('Rename a container', async () => (await import('./commands/rename.ts')).renameCommand)
const restart = here('Restart containers', async () => (await import('./commands/restart.ts')).restartCommand)
const rm = here('Remove containers', async () => (await import('./commands/rm.ts')).rmCommand, ['remove'])
const run = here('Run a command in a new container', async () => (await import('./commands/run.ts')).runCommand)
const start = here('Start containers', async () => (await import('./commands/start.ts')).startCommand)
const stop = here('Stop containers', async () => (await import('./commands/stop.ts')).stopCommand)
const top = here('List the processes of a container', async () => (await import('./commands/top.ts')).topCommand)
const wait = here('Wait for containers', async () => (await import('./commands/wait.ts')).waitCommand)

const history = here('Show the history of an image', async () => (await import('./commands/history.ts')).historyCommand)
const images = here('List images', async () => (await import('./commands/images.ts')).imagesCommand)
const importCommand = here(
  'Make an image from a tar archive',
  async () => (await import('./commands/import.ts')).importCommand,
)
const load = here('Load images from an archive', async () => (await import('./commands/load.ts')).loadCommand)
const login = here('Log in to a registry', async () => (await import('./commands/login.ts')).loginCommand)
const logout = here('Log out of a registry', async () => (await import('./commands/login.ts')).logoutCommand)
const pull = here('Pull an image from a registry', async () => (await import('./commands/pull.ts')).pullCommand)
const push = here('Push an image to a registry', async () => (await import('./commands/push.ts')).pushCommand)
const rmi = here('Remove images', async () => (await import('./commands/rmi.ts')).rmiCommand)
const save = here('Save images to an archive', async () => (await import('./commands/save.ts')).saveCommand)
const search = here('Search registries for images', async () => (await import('./commands/search.ts')).searchCommand)
const tag = here('Give an image another name', async () => (await import('./commands/tag.ts')).tagCommand)
const untag = here('Take a name away from an image', async () => (await import('./commands/tag.ts')).untagCommand)

const events = here('Show what happened', async () => (await import('./commands/events.ts')).eventsCommand)
const info = here(
  'Show what this machine and the store are like',
  async () => (await import('./commands/info.ts')).infoCommand,
)

const build = here(
  'Build an image from a Containerfile',
  async () => (await import('./commands/build.ts')).buildCommand,
)
const init = later('Prepare a container, without starting it')
const kubeGenerate = here(
  'Write a Kubernetes file for containers, pods and volumes',
  async () => (await import('./commands/kube-generate.ts')).kubeGenerateCommand,
)
const kubePlay = here(
  'Make pods of a Kubernetes file',
  async () => (await import('./commands/kube.ts')).kubePlayCommand,
)
const mount = later("Mount a container's root file system")
const pause = here('Pause the processes of containers', async () => (await import('./commands/pause.ts')).pauseCommand)
const stats = here('Show what containers use', async () => (await import('./commands/stats.ts')).statsCommand)
const unmount = later("Unmount a container's root file system")
const unpause = here('Let paused containers go on', async () => (await import('./commands/pause.ts')).unpauseCommand)
const update = here(
  'Change the limits of a container',
  async () => (await import('./commands/update.ts')).updateCommand,
)

/** `tspod NOUN VERB`. */
export const nouns: Record<string, NounEntry> = {
  container: {
    summary: 'Manage containers',
    verbs: {
      attach,
      checkpoint: later('Save a running container to disk'),
      cleanup: later('Tidy up after a container'),
      clone: later('Copy a container'),
      commit,
      cp,
      create,
      diff,
      exec,
      exists: here(
        'Tell by the exit status whether a container exists',
        async () => (await import('./commands/exists.ts')).containerExistsCommand,
      ),
      export: exportCommand,
      init,
      inspect: here(
        'Show everything about containers',
        async () => (await import('./commands/inspect.ts')).containerInspectCommand,
      ),
      kill,
      list: { ...ps, aliases: ['ls', 'ps'] },
      logs,
      mount,
      pause,
      port,
      prune: here(
        'Remove all containers that do not run',
        async () => (await import('./commands/prune.ts')).containerPruneCommand,
      ),
      rename,
      restart,
      restore: later('Bring back a container that was saved to disk'),
      rm,
      run,
      runlabel: later("Run the command in an image's label"),
      start,
      stats,
      stop,
      top,
      unmount,
      unpause,
      update,
      wait,
    },
  },
  image: {
    summary: 'Manage images',
    verbs: {
      build,
      diff: here(
        'Show what an image changed, against the layers below or another image',
        async () => (await import('./commands/diff.ts')).imageDiffCommand,
      ),
      exists: here(
        'Tell by the exit status whether an image exists',
        async () => (await import('./commands/exists.ts')).imageExistsCommand,
      ),
      'from-host': here(
        "Make an image from this machine's programs",
        async () => (await import('./commands/from-host.ts')).fromHostCommand,
      ),
      history,
      import: importCommand,
      inspect: here(
        'Show everything about images',
        async () => (await import('./commands/inspect.ts')).imageInspectCommand,
      ),
      list: { ...images, aliases: ['ls'] },
      load,
      mount: here(
        "Mount an image's files, inside `tspod unshare`",
        async () => (await import('./commands/image-mount.ts')).imageMountCommand,
      ),
      prune: here('Remove unused images', async () => (await import('./commands/prune.ts')).imagePruneCommand),
      pull,
      push,
      rm: { ...rmi, aliases: ['remove'] },
      save,
      scp: later('Copy an image to another machine'),
      search,
      sign: here(
        'Sign an image at a registry',
        async () => (await import('./commands/image-sign.ts')).imageSignCommand,
      ),
      tag,
      tree: here(
        'Show the layers of an image',
        async () => (await import('./commands/image-tree.ts')).imageTreeCommand,
      ),
      trust: here(
        'Show and change which registries are trusted',
        async () => (await import('./commands/image-trust.ts')).imageTrustCommand,
      ),
      unmount: here(
        "Unmount an image's files",
        async () => (await import('./commands/image-mount.ts')).imageUnmountCommand,
        ['umount'],
      ),
      untag,
    },
  },
  volume: {
    summary: 'Manage volumes',
    verbs: {
      create: here('Create a volume', async () => (await import('./commands/volume.ts')).volumeCreateCommand),
      exists: here(
        'Tell by the exit status whether a volume exists',
        async () => (await import('./commands/exists.ts')).volumeExistsCommand,
      ),
      export: later('Write the contents of a volume as a tar archive'),
      import: later('Fill a volume from a tar archive'),
      inspect: here(
        'Show everything about volumes',
        async () => (await import('./commands/inspect.ts')).volumeInspectCommand,
      ),
      list: here('List volumes', async () => (await import('./commands/volume.ts')).volumeListCommand, ['ls']),
      mount: later('Mount a volume'),
      prune: here('Remove unused volumes', async () => (await import('./commands/prune.ts')).volumePruneCommand),
      reload: later('Read the volumes of plugins again'),
      rm: here('Remove volumes', async () => (await import('./commands/volume.ts')).volumeRemoveCommand, ['remove']),
      unmount: later('Unmount a volume'),
    },
  },
  system: {
    summary: 'Manage tspod itself',
    verbs: {
      check: here(
        'Look for damage in the store, and mend it',
        async () => (await import('./commands/system.ts')).systemCheckCommand,
      ),
      connection: later('Manage connections to other machines'),
      df: here('Show what takes how much space', async () => (await import('./commands/system-df.ts')).systemDfCommand),
      events,
      info,
      migrate: later('There is nothing to migrate: the store is always current'),
      prune: here(
        'Remove everything that is not used',
        async () => (await import('./commands/prune.ts')).systemPruneCommand,
      ),
      renumber: later('There are no lock numbers'),
      reset: here('Remove everything', async () => (await import('./commands/system.ts')).systemResetCommand),
      'restart-service': here(
        'Have containers with --restart=always start with the machine',
        async () => (await import('./commands/restart-service.ts')).restartServiceCommand,
      ),
      service: later('Serve the Docker-compatible API'),
    },
  },
  network: {
    summary: 'Manage networks',
    verbs: {
      connect: here(
        'Connect a container to a network',
        async () => (await import('./commands/network.ts')).networkConnectCommand,
      ),
      create: here('Create a network', async () => (await import('./commands/network.ts')).networkCreateCommand),
      check: here(
        'Measure how well networks work here',
        async () => (await import('./commands/network-check.ts')).networkCheckCommand,
      ),
      disconnect: here(
        'Disconnect a container from a network',
        async () => (await import('./commands/network.ts')).networkDisconnectCommand,
      ),
      exists: here(
        'Tell by the exit status whether a network exists',
        async () => (await import('./commands/network.ts')).networkExistsCommand,
      ),
      inspect: here(
        'Show everything about networks',
        async () => (await import('./commands/inspect.ts')).networkInspectCommand,
      ),
      list: here('List networks', async () => (await import('./commands/network.ts')).networkListCommand, ['ls']),
      prune: here('Remove unused networks', async () => (await import('./commands/network.ts')).networkPruneCommand),
      reload: here(
        'Make the networks of running containers anew where they were lost',
        async () => (await import('./commands/network-reload.ts')).networkReloadCommand,
      ),
      rm: here('Remove networks', async () => (await import('./commands/network.ts')).networkRemoveCommand, ['remove']),
      update: here('Change a network', async () => (await import('./commands/network.ts')).networkUpdateCommand),
    },
  },
  artifact: {
    summary: 'Manage artifacts: files kept and moved as images are',
    verbs: {
      add: here('Keep files as an artifact', async () => (await import('./commands/artifact.ts')).artifactAddCommand),
      extract: here(
        'Write the files of an artifact',
        async () => (await import('./commands/artifact.ts')).artifactExtractCommand,
      ),
      inspect: here(
        'Show everything about an artifact',
        async () => (await import('./commands/artifact.ts')).artifactInspectCommand,
      ),
      list: here('List artifacts', async () => (await import('./commands/artifact.ts')).artifactListCommand, ['ls']),
      pull: here(
        'Pull an artifact from a registry',
        async () => (await import('./commands/artifact.ts')).artifactPullCommand,
      ),
      push: here(
        'Push an artifact to a registry',
        async () => (await import('./commands/artifact.ts')).artifactPushCommand,
      ),
      rm: here('Remove artifacts', async () => (await import('./commands/artifact.ts')).artifactRemoveCommand, [
        'remove',
      ]),
    },
  },
  farm: { summary: 'Build on several machines', verbs: {} },
  generate: {
    summary: 'Generate files from containers',
    verbs: {
      kube: kubeGenerate,
      systemd: here(
        'Print a service of systemd for a container',
        async () => (await import('./commands/generate-systemd.ts')).generateSystemdCommand,
      ),
    },
  },
  healthcheck: {
    summary: 'Manage health checks',
    verbs: {
      run: {
        summary: 'Run the health check of a container',
        load: async () => (await import('./commands/healthcheck.ts')).healthcheckRunCommand,
      },
    },
  },
  kube: {
    summary: 'Run Kubernetes files',
    verbs: {
      apply: later('Give objects to a Kubernetes cluster'),
      down: here(
        'Take away what was made of a Kubernetes file',
        async () => (await import('./commands/kube.ts')).kubeDownCommand,
      ),
      generate: kubeGenerate,
      play: kubePlay,
    },
  },
  machine: { summary: 'Manage a virtual machine', verbs: {} },
  manifest: {
    summary: 'Manage images for several platforms',
    verbs: {
      add: here('Add images to a list', async () => (await import('./commands/manifest.ts')).manifestAddCommand),
      annotate: here(
        'Change what a list says of an image',
        async () => (await import('./commands/manifest.ts')).manifestAnnotateCommand,
      ),
      create: here('Create a list', async () => (await import('./commands/manifest.ts')).manifestCreateCommand),
      exists: here(
        'Tell by the exit status whether a list exists',
        async () => (await import('./commands/manifest.ts')).manifestExistsCommand,
      ),
      inspect: here(
        'Show a list, or a manifest at a registry',
        async () => (await import('./commands/manifest.ts')).manifestInspectCommand,
      ),
      push: here(
        'Push a list and its images to a registry',
        async () => (await import('./commands/manifest.ts')).manifestPushCommand,
      ),
      remove: here(
        'Take an image out of a list',
        async () => (await import('./commands/manifest.ts')).manifestRemoveCommand,
      ),
      rm: here('Remove lists', async () => (await import('./commands/manifest.ts')).manifestRmCommand),
    },
  },
  play: { summary: 'Run Kubernetes files', verbs: { kube: kubePlay } },
  pod: {
    summary: 'Manage pods: containers that share a network',
    verbs: {
      clone: later('Copy a pod'),
      create: here('Create a pod', async () => (await import('./commands/pod.ts')).podCreateCommand),
      exists: here(
        'Tell by the exit status whether a pod exists',
        async () => (await import('./commands/pod.ts')).podExistsCommand,
      ),
      inspect: here(
        'Show everything about pods',
        async () => (await import('./commands/pod-look.ts')).podInspectCommand,
      ),
      kill: here(
        'Send a signal to the containers of pods',
        async () => (await import('./commands/pod.ts')).podKillCommand,
      ),
      logs: here(
        'Show the output of the containers of a pod',
        async () => (await import('./commands/pod-look.ts')).podLogsCommand,
      ),
      pause: here('Pause the containers of pods', async () => (await import('./commands/pod.ts')).podPauseCommand),
      prune: here(
        'Remove the pods of which nothing runs',
        async () => (await import('./commands/pod.ts')).podPruneCommand,
      ),
      ps: here('List pods', async () => (await import('./commands/pod-ps.ts')).podPsCommand, ['ls', 'list']),
      restart: here('Restart pods', async () => (await import('./commands/pod.ts')).podRestartCommand),
      rm: here('Remove pods and their containers', async () => (await import('./commands/pod.ts')).podRmCommand, [
        'remove',
      ]),
      start: here('Start pods', async () => (await import('./commands/pod.ts')).podStartCommand),
      stats: here(
        'Show what the containers of pods use',
        async () => (await import('./commands/pod-look.ts')).podStatsCommand,
      ),
      stop: here('Stop pods', async () => (await import('./commands/pod.ts')).podStopCommand),
      top: here('List the processes of a pod', async () => (await import('./commands/pod-look.ts')).podTopCommand),
      unpause: here('Let paused pods go on', async () => (await import('./commands/pod.ts')).podUnpauseCommand),
    },
  },
  quadlet: {
    summary: 'Manage Quadlet files: containers as services of systemd',
    verbs: {
      '-dryrun': here(
        'Print the services that Quadlet files make',
        async () => (await import('./commands/quadlet.ts')).quadletDryRunCommand,
        ['--dryrun', 'dryrun'],
      ),
      generate: here(
        'Make the services of Quadlet files again',
        async () => (await import('./commands/quadlet.ts')).quadletGenerateCommand,
      ),
      install: here('Install Quadlet files', async () => (await import('./commands/quadlet.ts')).quadletInstallCommand),
      list: here('List Quadlet files', async () => (await import('./commands/quadlet.ts')).quadletListCommand, ['ls']),
      print: here('Print a Quadlet file', async () => (await import('./commands/quadlet.ts')).quadletPrintCommand),
      rm: here('Remove Quadlet files', async () => (await import('./commands/quadlet.ts')).quadletRemoveCommand, [
        'remove',
      ]),
    },
  },
  secret: { summary: 'Manage secrets', verbs: {} },
}

/** `tspod VERB`. */
export const verbs: Record<string, CommandEntry> = {
  attach,
  'auto-update': later('Update containers by their labels'),
  build,
  commit,
  completion: here(
    'Write the completion script for a shell',
    async () => (await import('./commands/completion.ts')).completionCommand,
  ),
  compose: later('Run a compose file'),
  cp,
  create,
  diff,
  doctor: here(
    'Tell what this machine lacks, and how to mend it',
    async () => (await import('./commands/doctor.ts')).doctorCommand,
  ),
  events,
  exec,
  export: exportCommand,
  help: here('Show help', async () => (await import('./commands/help.ts')).helpCommand),
  history,
  images,
  import: importCommand,
  info,
  init,
  inspect: here(
    'Show everything about containers, images, volumes and networks',
    async () => (await import('./commands/inspect.ts')).inspectCommand,
  ),
  kill,
  load,
  login,
  logout,
  logs,
  mount,
  pause,
  port,
  ps,
  pull,
  push,
  rename,
  restart,
  rm,
  rmi,
  run,
  save,
  search,
  start,
  stats,
  stop,
  tag,
  top,
  unmount: { ...unmount, aliases: ['umount'] },
  unpause,
  unshare: here(
    'Run a command in the user namespace of the containers',
    async () => (await import('./commands/unshare.ts')).unshareCommand,
  ),
  untag,
  update,
  version: here('Show the version', async () => (await import('./commands/version.ts')).versionCommand),
  wait,
  __complete: {
    ...here(
      'Answer a shell that completes a word',
      async () => (await import('./commands/complete.ts')).completeCommand,
    ),
    hidden: true,
  },
}

/** The entry of a name or alias. */
export function findCommand(table: Record<string, CommandEntry>, name: string): CommandEntry | undefined {
  if (Object.hasOwn(table, name)) return table[name]
  return Object.values(table).find(entry => entry.aliases?.includes(name))
}
