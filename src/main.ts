// Picks the role of this process: command line, monitor of one container, or worker inside the user's namespace.
const role = process.argv[2] ?? ''

if (role.startsWith('monitor:')) {
  const { monitorMain } = await import('#monitor/main.ts')
  await monitorMain()
} else if (role.startsWith('worker:')) {
  const { workerMain } = await import('#engine/worker.ts')
  await workerMain(role)
} else {
  const { runProgram } = await import('#cli/program.ts')
  process.exit(await runProgram(process.argv.slice(2)))
}

export {}
