// A master for death.test.ts: drives servants, their children and stubs until it is killed. It says "begun" first.
import { writeSync } from 'node:fs'
import { CLONE_PARENT } from '#sys/flags.ts'
import { waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'

if (process.argv[2] === 'blocked') {
  const servant = Servant.start()
  servant.post([call('nanosleep', { memory: new BigInt64Array([1n, 0n]) }, 0), call('getpid')])
}
writeSync(1, 'begun\n')
if (process.argv[2] === 'blocked') await Bun.sleep(60_000)

for (;;) {
  const seat = new Seat()
  const stubSeat = new Seat()
  const childSeat = new Seat()
  const siblingSeat = new Seat()
  const ownStub = openStub(stubSeat)
  const stubbed = Servant.startStub(stubSeat, [], stubCalls(ownStub, stubSeat, 'tspod: test'))
  ownStub.close()
  const stub = openStub(childSeat)
  const launcher = Servant.startIn(seat, [childSeat, siblingSeat])
  const child = launcher.clone(childSeat)
  child.become(stubCalls(stub, childSeat, 'tspod: test'))
  stub.close()
  const sibling = launcher.clone(siblingSeat, CLONE_PARENT)
  sibling.do(Array.from({ length: 20 }, () => call('getpid')))
  child.do([call('getppid')])
  sibling.exec([call('execve', '/bin/true', ['true'], [])])
  sibling.close()
  waitProcess(sibling.pid)
  child.close()
  launcher.do([call('wait4', child.pid, 0, 0, 0)])
  stubbed.close()
  waitProcess(stubbed.pid)
  launcher.close()
  waitProcess(launcher.pid)
}
