// Picks the role of this process: command line, monitor of one container, what starts one again for it, service of the user's
// networks, or worker inside the user's namespace.
const role = process.argv[2] ?? ''

if (role.startsWith('monitor:')) {
  const { monitorMain } = await import('#monitor/main.ts')
  await monitorMain(process.argv[3] === 'heir')
} else if (role.startsWith('worker:')) {
  const { workerMain } = await import('#engine/worker.ts')
  await workerMain(role)
} else if (role.startsWith('restart:')) {
  const { restartMain } = await import('#engine/container/restart-by-policy.ts')
  process.exit(await restartMain(role.slice('restart:'.length), process.argv[3] ?? '{}'))
} else if (role.startsWith('networks:')) {
  const { networkMain } = await import('#network/bridge/main.ts')
  networkMain(role.slice('networks:'.length), process.argv[3] === 'heir')
} else {
  const { runProgram } = await import('#cli/program.ts')
  process.exit(await runProgram(process.argv.slice(2)))
}

export {}
