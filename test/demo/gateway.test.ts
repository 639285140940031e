/** The stand-in does what the real gateway does, as far as a supervisor and a crash can tell. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort, until } from '../../demo/stage.mjs'

const program = fileURLToPath(new URL('../../demo/gateway.mjs', import.meta.url))
const clock = 'agent:main:clock'
let root: string
let port: number
const children: ChildProcess[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stand-in-'))
  port = await freePort()
  await configure({ gateway: { mode: 'local', port } })
})
afterEach(async () => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await rm(root, { recursive: true, force: true })
})

test('tells live and ready in JSON, on both loopback families, and anything else in HTML', async () => {
  const { child } = start()
  await ready()
  expect(await get('/healthz')).toEqual({ ok: true, status: 'live' })
  expect(await get('/readyz')).toMatchObject({ ready: true, failing: [] })
  expect(await (await fetch(`http://[::1]:${port}/healthz`)).json()).toEqual({ ok: true, status: 'live' })
  const unknown = await fetch(`http://127.0.0.1:${port}/metrics`)
  expect([unknown.status, unknown.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect((await fetch(`http://127.0.0.1:${port}/healthz`, { method: 'DELETE' })).status).toBe(405)
  expect(await readFile(`/proc/${child.pid}/comm`, 'utf8')).toBe('openclaw-gatewa\n')
})

test('killed in a turn it leaves lock and "running"; started again it resumes the turn', async () => {
  const { child, ended } = start()
  await ready()
  await until(
    'a second turn runs',
    10_000,
    async () => (await history()).length >= 3 && (await entry())?.status === 'running',
  )
  const { sessionId } = (await entry()) ?? { sessionId: '' }
  const lock = join(root, `agents/main/sessions/${sessionId}.jsonl.lock`)
  await until('its lock is there', 10_000, async () =>
    (await readFile(lock, 'utf8')).includes(String(child.pid)),
  )
  child.kill('SIGKILL')
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
  expect(JSON.parse(await readFile(lock, 'utf8'))).toMatchObject({
    pid: child.pid,
    starttime: expect.any(Number),
  })
  expect(await entry()).toMatchObject({ sessionId, status: 'running' })

  start()
  await ready()
  await until('the turn is resumed', 10_000, async () =>
    (await history()).some((text) => text.startsWith('[System]')),
  )
  expect((await entry())?.sessionId).toBe(sessionId)
})

test('a second turn of a session waits for the first, as in the real one', async () => {
  start()
  await ready()
  const key = 'agent:main:busy'
  const turn = (message: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/turn`, {
      method: 'POST',
      body: JSON.stringify({ key, message, thinkMs: 300 }),
    })
  const [first, second] = await Promise.all([turn('one'), turn('two')])
  expect([first.status, second.status]).toEqual([200, 200])
  const said = await history(key)
  expect(said.filter((text) => !text.startsWith('I heard'))).toEqual(['one', 'two'])
})

test('what it cannot read it takes for empty, and replaces', async () => {
  const { child, ended } = start()
  await ready()
  await until('a turn is done', 10_000, async () => (await history()).length > 0)
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, signal: null })
  const before = (await entry())?.sessionId
  await writeFile(join(root, 'agents/main/sessions/sessions.json'), '{ "torn": ')
  start()
  await ready()
  await until('the index is replaced', 10_000, async () => (await entry())?.sessionId !== undefined)
  expect((await entry())?.sessionId).not.toBe(before)
})

test('ends with 0 when it is to restart, and leaves no lock', async () => {
  const { child, ended } = start()
  await ready()
  child.kill('SIGUSR1')
  expect(await ended).toEqual({ code: 0, signal: null })
  expect(
    (await readdir(join(root, 'agents/main/sessions'))).filter((name) => name.endsWith('.lock')),
  ).toEqual([])
})

test('gives way to another owner of the port with 0, as the real one does', async () => {
  const other = createServer().listen(port, '127.0.0.1')
  try {
    const { ended, said } = start()
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(said()).toContain('another gateway instance is already listening')
  } finally {
    other.close()
  }
})

test.each([
  ['without a mode', { gateway: {} }],
  ['that does not parse', '{ "gateway": '],
])('refuses a configuration %s with 78', async (_, config) => {
  await configure(config)
  expect(await start().ended).toEqual({ code: 78, signal: null })
})

test('the port of the command line beats that of the environment, which beats the configuration', async () => {
  const [flag, variable] = [await freePort(), await freePort()]
  start(['--port', String(flag)], { OPENCLAW_GATEWAY_PORT: String(variable) })
  await ready(flag)
  start([], { OPENCLAW_GATEWAY_PORT: String(variable) })
  await ready(variable)
})

const configure = (config: object | string): Promise<void> =>
  writeFile(join(root, 'openclaw.json'), typeof config === 'string' ? config : JSON.stringify(config))

function start(args: readonly string[] = [], extra: Readonly<Record<string, string>> = {}) {
  const env = { PATH: process.env['PATH'], HOME: root, TMPDIR: root, OPENCLAW_STATE_DIR: root, ...extra }
  const child = spawn(process.execPath, [program, 'gateway', 'run', ...args], { env })
  children.push(child)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  return { child, ended, said: () => said }
}

const get = async (path: string, on = port): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${on}${path}`)).json()

const ready = (on = port): Promise<unknown> =>
  until('it is ready', 10_000, async () => ((await get('/readyz', on)) as { ready: boolean }).ready)

const history = async (key = clock): Promise<readonly string[]> => {
  const { messages = [] } = (await get(`/sessions/${encodeURIComponent(key)}/history`)) as {
    messages?: { content: { text: string }[] }[]
  }
  return messages.map(({ content }) => content[0]?.text ?? '')
}

const entry = async (): Promise<{ sessionId: string; status?: string } | undefined> =>
  (
    JSON.parse(await readFile(join(root, 'agents/main/sessions/sessions.json'), 'utf8')) as Record<
      string,
      { sessionId: string }
    >
  )[clock]
