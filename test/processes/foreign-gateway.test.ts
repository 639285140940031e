/**
 * A gateway that was started by hand or by another unit, and holds no lock of ours, is found before anything is
 * touched, in each of three ways; whoever wants to touch the state is refused with 69, and it is named.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  identityOf,
  nameOfProcess,
  openFilesOf,
  presenceOf,
  type Identity,
} from '../../src/host/process-table.ts'
import { runningGateway } from '../../src/supervisor/running-gateway.ts'
import { endAfterTest, exited } from '../host/started.ts'
import { expectValid } from '../supervisor/schema.ts'
import { treeOf } from '../tree.ts'
import { childFile, rooms, type Room } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

const node = (script: string, args: readonly string[] = []): ChildProcess => {
  const child = spawn(process.execPath, ['-e', script, ...args], { stdio: 'ignore', env: {} })
  endAfterTest(child.pid)
  return child
}
const wait = 'setTimeout(() => {}, 600_000)'
const opens = `require('node:fs').openSync(process.argv[1], process.argv[2]); ${wait}`
const transcript = (room: Room): string => {
  const folder = join(room.stateDir, 'agents/main/sessions')
  return join(
    folder,
    readdirSync(folder).find((name) => /^[\w-]+\.jsonl$/.test(name))!,
  )
}
const hasOpen = ({ pid }: ChildProcess, path: string): Promise<unknown> =>
  until('it has the file open', () => openFilesOf(pid!).includes(path))

interface Way {
  /** It may be a command of OpenClaw's that ends by itself. */
  readonly isUncertain?: boolean
  readonly start: (room: Room) => Promise<ChildProcess>
  readonly by: (room: Room) => string
}
const lockOf = (room: Room): string =>
  join(room.folder, `openclaw-${process.getuid!()}`, 'gateway.0a1b2c3d.lock')
const withLock = (room: Room, named: object): ChildProcess => {
  const child = node(wait)
  writeLock(room, identityOf(child.pid!)!, named)
  return child
}
const writeLock = (room: Room, { pid, startTicks }: Identity, named: object): void => {
  mkdirSync(join(lockOf(room), '..'), { recursive: true })
  const createdAt = new Date().toISOString()
  writeFileSync(lockOf(room), JSON.stringify({ pid, createdAt, ...named, startTime: startTicks }))
}

const ways: Readonly<Record<string, Way>> = {
  'by its own lock, which names the configuration': {
    start: async (room) => withLock(room, { configPath: join(room.stateDir, 'openclaw.json') }),
    by: (room) => `which holds "${lockOf(room)}"`,
  },
  'by its own lock, which names the state': {
    start: async (room) => withLock(room, { configPath: '/elsewhere.json', stateDir: room.stateDir }),
    by: (room) => `which holds "${lockOf(room)}"`,
  },
  'by a session that is open for writing': {
    isUncertain: true,
    async start(room) {
      const child = node(opens, [transcript(room), 'a'])
      await hasOpen(child, transcript(room))
      return child
    },
    by: (room) => `which has "${transcript(room)}" open`,
  },
  'by its title and any open file': {
    async start(room) {
      const path = join(room.stateDir, 'openclaw.json')
      const child = node(`process.title = 'openclaw-gateway'; ${opens}`, [path, 'r'])
      await hasOpen(child, path)
      return child
    },
    by: (room) => `which has "${join(room.stateDir, 'openclaw.json')}" open`,
  },
  'by its title and its environment': {
    isUncertain: true,
    async start(room) {
      const env = { OPENCLAW_STATE_DIR: `${room.stateDir}/.` }
      const script = `process.title = 'openclaw-gateway'; ${wait}`
      const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore', env })
      endAfterTest(child.pid)
      await until('it bears the title', () => nameOfProcess(child.pid!) === 'openclaw-gatewa')
      return child
    },
    by: () => 'whose environment names it',
  },
  'by its listener on the port': {
    async start(room) {
      const journal = join(room.folder, 'foreign')
      const env = { OPENCLAW_GATEWAY_PORT: String(room.port), CHILD_JOURNAL: journal }
      const child = spawn(process.execPath, [childFile('ready-then-wait')], { stdio: 'ignore', env })
      endAfterTest(child.pid)
      await until('it listens', () => linesOf(journal).some((line) => line.startsWith('listening')))
      return child
    },
    by: (room) => `which listens on port ${room.port}`,
  },
}
const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [])

const damage = (room: Room): void =>
  writeFileSync(join(room.stateDir, 'agents/main/sessions/sessions.json.lock'), '{}')

test.each(Object.entries(ways))('it is found %s', async (_, { start, by, isUncertain = false }) => {
  const room = await enter()
  const port = { OPENCLAW_GATEWAY_PORT: String(room.port) }
  damage(room)
  const earlier = JSON.parse((await room.supervise(['repair', '--json'], port)).stdout) as {
    repairId: string
  }
  damage(room)
  const foreign = await start(room)
  const before = treeOf(room.stateDir, ['supervise'])

  const supervisor = room.run('one-at-a-time')
  // Held for good, or tried again until the budget is spent, and then left to be started again later.
  expect((await supervisor.ended).code).toBe(isUncertain ? 75 : 69)
  const { hold } = room.status()!
  const named = `${isUncertain ? 'a program, perhaps a gateway,' : 'a gateway'} already works on this state: pid ${foreign.pid} (`
  expect(hold).toMatchObject({ kind: isUncertain ? 'recovery' : 'obstructed', canPass: true })
  expect(hold!.evidence).toContain(named)
  expect(hold!.evidence).toContain(', user ')
  expect(hold!.evidence).toContain(by(room))
  expect(room.journal()).toEqual([])
  for (const words of [['repair'], ['undo', earlier.repairId]]) {
    const answer = await room.supervise(words, port)
    expect(answer.code, answer.stderr).toBe(69)
    expect(answer.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(answer.stderr).toContain(named)
    expect(answer.stderr).toContain(by(room))
    expect(answer.stderr).toMatch(/stop it first; run: (?:kill \d+|systemctl .*stop \S+)\n$/)
  }
  expect((await room.supervise(['check'], port)).stdout).toContain(named)
  const status = await room.supervise(['status'], port)
  expect(status.code).toBe(3)
  expect(status.stdout).toContain(`  beside us   ${named}`)
  const inJson = JSON.parse((await room.supervise(['status', '--json'], port)).stdout) as object
  expectValid(inJson)
  expect(inJson).toMatchObject({ supervisor: null, unsupervised: { pid: foreign.pid } })
  expect(treeOf(room.stateDir, ['supervise'])).toBe(before)

  foreign.kill('SIGKILL')
  await exited(foreign)
  expect((await room.supervise(['repair'], port)).code).toBe(0)
})

test('one that was killed and is not reaped is in nobody’s way, though its lock and its pid are still there', async () => {
  const room = await enter()
  damage(room)
  // The shell that would reap it becomes a program that does not.
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  endAfterTest(parent.pid)
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text) => resolve(Number(text))),
  )
  endAfterTest(pid)
  const killed = identityOf(pid)!
  writeLock(room, killed, { configPath: join(room.stateDir, 'openclaw.json') })
  const refused = await room.supervise(['repair'])
  expect(refused.code, refused.stderr).toBe(69)
  process.kill(pid, 'SIGKILL')
  await until('it is a zombie', () => presenceOf(killed) === 'zombie')
  const answer = await room.supervise(['repair'])
  expect(answer.code, answer.stderr).toBe(0)
})

test('a command of OpenClaw’s that ends by itself delays a start, and no more', async () => {
  const room = await enter()
  const command = node(opens, [transcript(room), 'a'])
  await hasOpen(command, transcript(room))
  const supervisor = room.run('one-at-a-time', { flags: ['--max-recoveries=1000'] })
  await room.reaches('it was tried again', ({ budgets }) => budgets.recoveries.spent > 0)
  command.kill('SIGKILL')
  await room.reaches('ready', (status) => status.ready)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('`openclaw gateway restart` bears the title and names the state, and waits for the gateway: no reason to wait for it', async () => {
  const room = await enter()
  const script = `process.title = 'openclaw-gateway'; ${opens}`
  const env = { OPENCLAW_STATE_DIR: room.stateDir, OPENCLAW_NODE_OPTIONS_READY: '1' }
  const config = join(room.stateDir, 'openclaw.json')
  const command = spawn(process.execPath, ['-e', script, config, 'r'], { stdio: 'ignore', env })
  endAfterTest(command.pid)
  await hasOpen(command, config)
  expect(nameOfProcess(command.pid!)).toBe('openclaw-gatewa')
  const supervisor = room.run('one-at-a-time')
  const first = await room.reaches('ready', (status) => status.ready)
  expect(first.budgets.recoveries.spent).toBe(0)
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('the control plane that `openclaw gateway restart` keeps open while it waits is no reason either, but other rows are', async () => {
  const room = await enter()
  const look = (): ReturnType<typeof runningGateway> =>
    runningGateway({
      stateDir: room.stateDir,
      configPath: join(room.stateDir, 'openclaw.json'),
      gatewayLockDir: join(room.folder, 'none'),
      ports: [],
    })
  const command = async (title: string, file: string): Promise<ChildProcess> => {
    const path = join(room.stateDir, file)
    mkdirSync(join(path, '..'), { recursive: true })
    const script = `process.title = '${title}'; ${opens}`
    const env = { OPENCLAW_STATE_DIR: room.stateDir, OPENCLAW_NODE_OPTIONS_READY: '1' }
    const child = spawn(process.execPath, ['-e', script, path, 'a'], { stdio: 'ignore', env })
    endAfterTest(child.pid)
    await hasOpen(child, path)
    return child
  }
  const end = async (child: ChildProcess): Promise<void> => {
    child.kill('SIGKILL')
    await exited(child)
  }
  const waiting = await command('openclaw-gateway', 'state/openclaw.sqlite')
  expect(await look()).toBeNull()
  const another = await command('openclaw-gateway', 'agents/main/agent/openclaw-agent.sqlite')
  expect(await look()).toMatchObject({ isCertain: false, who: { pid: another.pid } })
  await end(another)
  await end(waiting)
  const doctor = await command('openclaw-doctor', 'state/openclaw.sqlite')
  expect(await look()).toMatchObject({ isCertain: false, who: { pid: doctor.pid } })
})

test('who reads a session, is no gateway, or is known to serve another state is in nobody’s way', async () => {
  const room = await enter()
  damage(room)
  const reader = node(opens, [transcript(room), 'r'])
  const backup = spawn('sh', ['-c', 'exec tail -f /dev/null >> "$0"', transcript(room)])
  endAfterTest(backup.pid)
  const journal = join(room.folder, 'elsewhere')
  const env = {
    OPENCLAW_GATEWAY_PORT: String(room.port),
    OPENCLAW_STATE_DIR: room.folder,
    CHILD_JOURNAL: journal,
  }
  const elsewhere = spawn(process.execPath, [childFile('ready-then-wait')], { stdio: 'ignore', env })
  endAfterTest(elsewhere.pid)
  await until('it listens', () => linesOf(journal).some((line) => line.startsWith('listening')))
  await hasOpen(reader, transcript(room))
  await until('it is tail', () => nameOfProcess(backup.pid!) === 'tail')
  // Its writer is gone, and the pid is another process's by now.
  withLock(room, { configPath: join(room.stateDir, 'openclaw.json') })
  writeFileSync(lockOf(room), readFileSync(lockOf(room), 'utf8').replace(/"startTime":\d+/, '"startTime":7'))
  const answer = await room.supervise(['repair'], { OPENCLAW_GATEWAY_PORT: String(room.port) })
  expect(answer.code, answer.stderr).toBe(0)
  expect(answer.stdout).toContain('repaired')
})

const unshare = ['unshare', '--mount', '--propagation', 'private']
const canUnshare =
  spawnSync(unshare[0]!, [...unshare.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0

test.runIf(canUnshare)(
  'a gateway in a container, whose state bears the same name, is in nobody’s way',
  async () => {
    const room = await enter()
    damage(room)
    const there = `mount -t tmpfs none "$OPENCLAW_STATE_DIR" && : > "$OPENCLAW_STATE_DIR/openclaw.json" && exec "$@"`
    const script = `process.title = 'openclaw-gateway'; ${opens}`
    const config = join(room.stateDir, 'openclaw.json')
    const words = ['sh', '-c', there, 'sh', process.execPath, '-e', script, config, 'a']
    const env = { PATH: process.env['PATH'], OPENCLAW_STATE_DIR: room.stateDir }
    const { pid } = endAfterTest(
      spawn(unshare[0]!, [...unshare.slice(1), ...words], { stdio: 'ignore', env }).pid,
    )
    await until('it has its own open', () => openFilesOf(pid).includes(config))
    expect(nameOfProcess(pid)).toBe('openclaw-gatewa')
    const answer = await room.supervise(['repair'], { OPENCLAW_GATEWAY_PORT: String(room.port) })
    expect(answer.code, answer.stderr).toBe(0)
  },
)
