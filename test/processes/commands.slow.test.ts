/** What an operator types beside a running supervisor, a held one, and none: the answers and their exit statuses. */
import { appendFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takeLock } from '../../src/host/lock.ts'
import { isAlive, ownIdentity } from '../../src/host/process-table.ts'
import { judge, type Status } from '../../src/supervisor/status.ts'
import { expectValid } from '../supervisor/schema.ts'
import { treeOf } from '../tree.ts'
import { rooms, type Room } from './room.ts'
import { until } from './until.ts'

const enter = rooms()
const ready = (room: Room, number = 1): Promise<Status> =>
  room.reaches('ready', (status) => status.ready && status.child?.number === number)

/** One line each, nothing that a terminal would obey. */
const expectClean = (text: string): void => {
  // eslint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/)
}

test('the statuses of a whole life fit the schema, and never say ready without a child', async () => {
  const room = await enter()
  const seen = new Map<string, Status>()
  const look = setInterval(() => {
    const status = room.status()
    if (status !== undefined) seen.set(JSON.stringify(status), status)
  }, 3)
  try {
    const flags = ['--on-hold=wait', '--max-crashes=2', '--backoff=150ms']
    const supervisor = room.run('exit-3-after-ready', { flags })
    await room.reaches('held', (status) => status.phase === 'held')
    supervisor.signal('SIGHUP')
    await room.reaches('held again', (s) => s.phase === 'held' && s.why === 'crashed' && s.lastExit !== null)
    supervisor.signal('SIGTERM')
    await supervisor.ended
    const next = room.run('slow-stop 300')
    await ready(room)
    next.signal('SIGHUP')
    await ready(room, 2)
    next.signal('SIGTERM')
    await next.ended
  } finally {
    clearInterval(look)
  }
  const phases = new Set([...seen.values()].map(({ phase }) => phase))
  for (const phase of [
    'recovering',
    'starting',
    'running',
    'backing-off',
    'held',
    'draining',
    'stopping',
    'stopped',
  ])
    expect(phases, phase).toContain(phase)
  expect(seen.size).toBeGreaterThan(15)
  for (const status of seen.values()) {
    expectValid(status)
    expectValid(judge(status))
    if (status.ready) expect(['starting', 'running'], JSON.stringify(status)).toContain(status.phase)
    if (status.ready) expect(status.child).not.toBeNull()
    if (['recovering', 'backing-off', 'held', 'stopped'].includes(status.phase))
      expect(status.child).toBeNull()
  }
})

test('status: 3 before the first start, 0 ready, 1 not ready, 3 stopped; in text and JSON', async () => {
  const room = await enter()
  const told = async (): Promise<readonly [number | null, Status, string]> => {
    const json = await room.supervise(['status', '--json'])
    const text = await room.supervise(['status'])
    expect(text.code).toBe(json.code)
    expectClean(text.stdout.replaceAll('\n', ''))
    const status = JSON.parse(json.stdout) as Status
    expectValid(status)
    return [json.code, status, text.stdout]
  }
  const before = treeOf(room.stateDir)
  expect(await told()).toMatchObject([
    3,
    { phase: 'not-started', supervisor: null },
    /^not running: not-started\n/,
  ])
  expect(treeOf(room.stateDir)).toBe(before)
  const supervisor = room.run('slow-start 1500')
  await room.reaches('starting', (s) => s.phase === 'starting' && s.readiness.evidence.includes('failing'))
  expect((await room.supervise(['status'])).code).toBe(1)
  const status = await ready(room)
  const [code, json, text] = await told()
  expect(code).toBe(0)
  expect(json).toMatchObject({ phase: 'running', ready: true, child: { pid: status.child!.pid } })
  expect(text).toMatch(/^ready: running, since /)
  expect(text).toContain(`gateway     pid ${status.child!.pid}, up `)
  expect(text).toContain('8 of 8 crashes')
  supervisor.signal('SIGTERM')
  await supervisor.ended
  expect(await told()).toMatchObject([3, { phase: 'stopped', supervisor: null }, /^not running: stopped/])
})

test('a status file that names a living process under another start time names nobody', async () => {
  const room = await enter()
  const supervisor = room.run('ready-then-wait')
  await ready(room)
  supervisor.signal('SIGTERM')
  await supervisor.ended
  const path = join(room.stateDir, 'supervise/status.json')
  const own = ownIdentity()
  const forged = { ...own, startTicks: own.startTicks - 1, startedAt: room.status()!.since, version: '0.1.0' }
  writeFileSync(
    path,
    JSON.stringify({ ...room.status()!, phase: 'running', ready: true, supervisor: forged }),
  )
  expect((await room.supervise(['status'])).code).toBe(3)
  for (const order of ['stop', 'restart', 'retry']) {
    const answer = await room.supervise([order])
    expect(answer).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'supervise: no supervisor is running here\n',
    })
  }
})

test('restart waits for the next to be ready; stop for all to be gone; again: nothing is running', async () => {
  const room = await enter()
  const supervisor = room.run('slow-stop 300')
  const first = await ready(room)
  expect(await room.supervise(['retry'])).toMatchObject({ code: 0, stdout: 'nothing to retry: running\n' })
  const restarted = await room.supervise(['restart'])
  expect(restarted).toMatchObject({ code: 0, stdout: 'restart: running\n', stderr: '' })
  const second = room.status()!
  expect(second).toMatchObject({ ready: true, child: { number: 2 } })
  expect(isAlive(first.child!)).toBe(false)
  expect(await room.supervise(['stop'])).toMatchObject({ code: 0, stdout: 'stopped\n', stderr: '' })
  expect((await supervisor.ended).code).toBe(0)
  expect(isAlive(second.child!)).toBe(false)
  expect((await room.supervise(['stop'])).code).toBe(3)
})

test('an order that is not followed in time ends with 75, and is still an order', async () => {
  const room = await enter()
  const supervisor = room.run('slow-stop 1500')
  await ready(room)
  const answer = await room.supervise(['stop', '--wait=100ms'])
  expect(answer.code).toBe(75)
  expect(answer.stderr).toMatch(/^supervise: not within .*\n$/)
  expect((await supervisor.ended).code).toBe(0)
})

test('what is held and waits can be repaired beside it, by one hand at a time; then it is told to go on', async () => {
  const room = await enter()
  const lock = join(room.stateDir, 'supervise/lock')
  const index = join(room.stateDir, 'agents/main/sessions/sessions.json.lock')
  const supervisor = room.run('exit-78', { flags: ['--on-hold=wait', '--held-retry=1h'] })
  const held = await room.reaches('held', (status) => status.phase === 'held')
  writeFileSync(index, '{}')
  const repair = await room.supervise(['repair'])
  expect(repair.code, repair.stderr).toBe(0)
  expect(repair.stdout).toContain(
    `a supervisor waits for this; run: supervise retry --state-dir ${room.stateDir}\n`,
  )
  expect(existsSync(index)).toBe(false)
  // There is still only one supervisor.
  const second = room.run('ready-then-wait')
  expect((await second.ended).code).toBe(69)
  expect(second.said()).toContain(`held by another supervise: pid ${supervisor.who.pid} (`)
  expect(room.status()).toEqual(held)

  const mine = await takeLock(lock)
  expect((await room.supervise(['retry'])).code).toBe(0)
  const refused = await room.reaches(
    'held, for another reason',
    ({ phase, hold }) => phase === 'held' && hold?.kind === 'obstructed',
  )
  expect(refused.hold).toMatchObject({
    evidence: expect.stringContaining(`held by another supervise: pid ${ownIdentity().pid} (`) as string,
    canPass: true,
  })
  if (mine.is === 'held') mine.release()
  expect(room.journal().filter((line) => line.startsWith('started'))).toHaveLength(1)
  expect((await room.supervise(['retry'])).code).toBe(0)
  await until('it was tried again', () => room.journal().filter((l) => l.startsWith('started')).length === 2)
  await room.reaches('held again', ({ phase, hold }) => phase === 'held' && hold?.kind === 'refused')
  supervisor.signal('SIGTERM')
  expect((await supervisor.ended).code).toBe(0)
})

test('retry: what is held is tried again with all budgets; what backs off, at once', async () => {
  const room = await enter()
  const supervisor = room.run('exit-78', { flags: ['--on-hold=wait'] })
  await room.reaches('held', (status) => status.phase === 'held')
  const told = await room.supervise(['status'])
  expect(told.code).toBe(1)
  expect(told.stdout).toContain('held        refused: exit status 78')
  expect(told.stdout).toContain('run         ')
  expect((await room.supervise(['retry'])).code).toBe(0)
  await until('it was tried again', () => room.journal().filter((l) => l.startsWith('started')).length === 2)
  supervisor.signal('SIGTERM')
  await supervisor.ended

  const waiting = room.run('exit-3-after-ready', { flags: ['--backoff=1h', '--backoff-max=1h'] })
  await room.reaches('back-off', (status) => status.phase === 'backing-off')
  const next = await room.supervise(['status'])
  expect(next.stdout).toMatch(/next try {4}\d{4}-/)
  const starts = room.journal().filter((line) => line.startsWith('started')).length
  expect((await room.supervise(['retry'])).code).toBe(0)
  await until('a new one', () => room.journal().filter((l) => l.startsWith('started')).length > starts)
  waiting.signal('SIGTERM')
  expect((await waiting.ended).code).toBe(0)
})

test('check works while the gateway runs, says so, and changes nothing; repair and undo are refused with 69', async () => {
  const room = await enter()
  const supervisor = room.run('ready-then-wait')
  const { child } = await ready(room)
  const before = treeOf(room.stateDir, ['supervise'])
  const check = await room.supervise(['check', '--json'])
  expect(check.code).toBe(0)
  expect(JSON.parse(check.stdout)).toMatchObject({
    store: 'file',
    verdict: 'consistent',
    gatewayRunning: true,
  })
  expect((await room.supervise(['check'])).stdout).toContain(
    `a gateway already works on this state: pid ${child!.pid}`,
  )
  const repair = await room.supervise(['repair'])
  expect(repair).toMatchObject({ code: 69, stdout: '' })
  expect(repair.stderr).toContain(`pid ${supervisor.who.pid}`)
  expect(repair.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect((await room.supervise(['repair', '--dry-run'])).code).toBe(0)
  // Also while only the orphan is left.
  supervisor.signal('SIGKILL')
  await supervisor.ended
  expect((await room.supervise(['repair'])).code).toBe(69)
  expect(isAlive(child!)).toBe(true)
  expect(treeOf(room.stateDir, ['supervise'])).toBe(before)
})

test('repair, history, undo and undo of the undo; outputs stay clean whatever the names', async () => {
  const room = await enter()
  const sessions = join(room.stateDir, 'agents/main/sessions')
  const original = readFileSync(join(sessions, 'sessions.json'))
  writeFileSync(join(sessions, 'sessions.json'), '\u0000\u0000\u0000')
  writeFileSync(join(sessions, '\u001b]0;owned\u0007\nforged \u202e.jsonl'), '{"type":"torn')
  const damaged = treeOf(room.stateDir, ['supervise'])
  const check = await room.supervise(['check'])
  expect(check.code).toBe(65)
  const dry = await room.supervise(['repair', '--dry-run'])
  expect(dry.code).toBe(0)
  expect(dry.stdout).toContain('would ')
  expect(treeOf(room.stateDir)).toBe(damaged)
  const repair = await room.supervise(['repair', '--json'])
  expect(repair.code, repair.stdout).toBe(0)
  const told = JSON.parse(repair.stdout) as { repairId: string; kept: readonly { sha256: string }[] }
  expect(told).toMatchObject({ is: 'repaired', gatewayRunning: false })
  expect(told.kept.length).toBeGreaterThan(0)
  expect(readFileSync(join(sessions, 'sessions.json')).length).toBeGreaterThan(3)
  expect((await room.supervise(['check'])).code).toBe(0)
  const history = await room.supervise(['history'])
  expect(history.stdout).toContain(told.repairId)
  const undone = await room.supervise(['undo', told.repairId])
  expect(undone.code, undone.stderr).toBe(0)
  expect(readFileSync(join(sessions, 'sessions.json'), 'latin1')).toBe('\u0000\u0000\u0000')
  const again = await room.supervise(['undo', told.repairId])
  expect(again.code).toBe(65)
  const supervisor = room.run('ready-then-wait')
  const status = await ready(room)
  expect(status.lastRepairs).toHaveLength(1)
  const shown = await room.supervise(['status'])
  expect(shown.stdout).toContain(`supervise undo ${status.lastRepairs[0]!.id}`)
  for (const answer of [check, dry, history, undone, again, shown])
    for (const line of `${answer.stdout}${answer.stderr}`.split('\n')) expectClean(line)
  supervisor.signal('SIGTERM')
  await supervisor.ended
  expect(original.length).toBeGreaterThan(3)
})

test('history is told in order, bounded by --lines, and survives torn lines', async () => {
  const room = await enter()
  const supervisor = room.run('exit-3-after-ready', { flags: ['--max-crashes=1'] })
  await supervisor.ended
  appendFileSync(join(room.stateDir, 'supervise/ledger.jsonl'), '{"at":"torn')
  const text = await room.supervise(['history'])
  expect(text).toMatchObject({ code: 0, stderr: '' })
  const words = text.stdout.split('\n').map((line) => line.slice(line.indexOf('  ') + 2))
  const order = [
    /^supervisor pid \d+ began: .*exit-3-after-ready\.mjs$/,
    /^state: consistent/,
    /^gateway 1 started: pid \d+$/,
    /^gateway 1 ready after /,
    /^gateway 1 ended: exit status 3 \(crashed\)$/,
    /^gateway 2 ended: exit status 3 \(crashed\)$/,
    /^held \(gateway-fails\): /,
    /^supervisor left: gateway-fails$/,
  ]
  let at = -1
  for (const each of order) {
    const next = words.findIndex((line, index) => index > at && each.test(line))
    expect(next, `${each} in\n${text.stdout}`).toBeGreaterThan(at)
    at = next
  }
  const json = await room.supervise(['history', '--json', '--lines=2'])
  expect((JSON.parse(json.stdout) as { events: unknown[] }).events).toHaveLength(2)
})

test('status --watch tells changes until it is interrupted', async () => {
  const room = await enter()
  const supervisor = room.run('slow-stop 300')
  await ready(room)
  const watching = room.supervise(['status', '--watch', '--every=100ms'])
  const shown = (text: string): Promise<boolean> =>
    until(`the watcher shows ${text}`, () =>
      readdirSync(join(room.folder, 'said')).some(
        (name) =>
          name.endsWith('.out') && readFileSync(join(room.folder, 'said', name), 'utf8').includes(text),
      ),
    )
  await shown('ready: running')
  supervisor.signal('SIGHUP')
  await shown('not ready: ')
  await ready(room, 2)
  const watcher = await until('the watcher', () =>
    room.inhabitants().find(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--watch')),
  )
  process.kill(watcher.pid, 'SIGINT')
  const { code, stdout } = await watching
  expect([0, 1]).toContain(code)
  expect(stdout).toMatch(/^ready: running/m)
  supervisor.signal('SIGTERM')
  await supervisor.ended
})
