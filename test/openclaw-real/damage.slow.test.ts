/**
 * Many damages at once, each to a session of its own, with the real gateway as the witness: what it shows a client
 * afterwards, and what its next two turns tell the model. Two turns, because some losses show in the second only.
 */
import { appendFile, cp, mkdir, readFile, readdir, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { textOf } from '../../demo/model.mjs'
import { signal } from './harness/census.ts'
import { openLab, type Lab } from './harness/lab.ts'

interface Session {
  readonly key: string
  readonly id: string
  /** Of its transcript. */
  readonly path: string
  readonly lab: Lab
}

const stamp = (): string => new Date().toISOString().replaceAll(':', '-')

/** Each session said three things, "first", "second" and "third"; this is done to it. */
const damages: Readonly<Record<string, (session: Session) => Promise<void>>> = {
  'final newline missing': async ({ path }) => truncate(path, (await readFile(path)).length - 1),
  'last line torn': ({ path }) => appendFile(path, '{"type":"message","id":"0badcafe","parentId":"'),
  'header torn': async ({ path }) => {
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.slice(text.indexOf('\n') - 20))
  },
  'a line in the middle torn': async ({ path }) => {
    const lines = (await readFile(path, 'utf8')).split('\n')
    const at = lines.findIndex((line) => line.includes('second of'))
    await writeFile(path, lines.with(at, (lines[at] ?? '').slice(0, 40)).join('\n'))
  },
  'transcript renamed away': ({ path }) => rename(path, `${path}.deleted.${stamp()}`),
  'trajectory renamed away': async ({ path }) => {
    const trajectory = path.replace(/\.jsonl$/, '.trajectory.jsonl')
    await rename(trajectory, `${trajectory}.deleted.${stamp()}`)
  },
  'entry points into another tree': async ({ key, path, lab }) => {
    const other = join(lab.place.root, 'old/agents/main/sessions')
    await mkdir(other, { recursive: true })
    const file = join(other, path.split('/').at(-1) ?? '')
    await cp(path, file)
    await changeIndex(lab, key, { sessionFile: file })
  },
  'lock of a pid that lives as something else': ({ path }) =>
    writeFile(`${path}.lock`, JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString() })),
  'a directory where its lock belongs': ({ path }) => mkdir(`${path}.lock`),
}

/** Of these, started as they are, the gateway makes a loss or an outage; the others are no damage to a conversation. */
const lostAlone = [
  'final newline missing',
  'header torn',
  'a line in the middle torn',
  'transcript renamed away',
  'lock of a pid that lives as something else',
]

let lab: Lab
afterEach(() => lab?.close())

test('alone, the gateway loses them', async () => {
  const sessions = await damaged()
  lab.start()
  await lab.ready()
  for (const name of lostAlone) expect(await remembered(sessions[name]), name).toBe(false)
})

test('under supervision, every conversation goes on where it was', async () => {
  const sessions = await damaged()
  await writeFile(
    join(lab.sessionsDir, 'sessions.json.lock'),
    JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString() }),
  )
  await mkdir(join(lab.place.stateDir, 'devices'), { recursive: true })
  await writeFile(join(lab.place.stateDir, 'devices/paired.json'), '{ "torn": {')
  const oldTree = join(lab.place.root, 'old/agents/main/sessions')
  const oldNames = await readdir(oldTree)

  lab.start('supervise')
  await lab.readyUnderSupervision()
  for (const [name, session] of Object.entries(sessions)) {
    const shown = (await lab.history(session.key)).map(({ text }) => text).join('\n')
    expect(shown, name).toContain(`first of ${session.key}`)
    expect(shown, name).toContain(`third of ${session.key}`)
    expect(await remembered(session), name).toBe(true)
    expect(lab.entry(session.key)?.sessionId, name).toBe(session.id)
  }
  expect(await readdir(oldTree)).toEqual(oldNames)
  expect(await readFile(join(oldTree, oldNames[0] ?? ''), 'utf8')).not.toContain('fourth of')
  const { stdout } = await lab.supervise('check', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'consistent' })
})

/** Two more turns: does the model still hear of the first when the second of them comes? */
async function remembered(session: Session | undefined): Promise<boolean> {
  if (session === undefined) throw new Error('no such damage')
  try {
    await lab.turn(`fourth of ${session.key}`, session.key)
    await lab.turn(`fifth of ${session.key}`, session.key)
  } catch {
    return false
  }
  const asked = lab.model.requests.findLast(({ prompt }) => prompt.includes(`fifth of ${session.key}`))
  const said = asked?.messages.map(({ content }) => textOf(content)).join('\n') ?? ''
  return said.includes(`first of ${session.key}`)
}

async function damaged(): Promise<Readonly<Record<string, Session>>> {
  lab = await openLab('2026.4.26')
  const gateway = lab.start()
  const seen = await lab.ready()
  const sessions: Record<string, Session> = {}
  for (const [index, name] of Object.keys(damages).entries()) {
    const key = `agent:main:chat-${index}`
    for (const word of ['first', 'second', 'third']) await lab.turn(`${word} of ${key}`, key)
    const id = lab.entry(key)?.sessionId ?? ''
    sessions[name] = { key, id, path: join(lab.sessionsDir, `${id}.jsonl`), lab }
  }
  signal(seen, 'SIGTERM')
  await gateway.ended
  for (const [name, session] of Object.entries(sessions)) await damages[name]?.(session)
  return sessions
}

async function changeIndex(of: Lab, key: string, change: object): Promise<void> {
  const path = join(of.sessionsDir, 'sessions.json')
  const index = JSON.parse(await readFile(path, 'utf8')) as Record<string, object>
  await writeFile(path, JSON.stringify({ ...index, [key]: { ...index[key], ...change } }, null, 2))
}
