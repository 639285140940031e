/**
 * A user's words whose answer a crash cut off, in the ways in which a gateway of its own forgets them: each happens to
 * two sessions, one is left to the gateway, the other to the program under test.
 */
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { textOf } from '../../demo/model.mjs'
import { signal } from './harness/census.ts'
import { openLab, type Lab } from './harness/lab.ts'
import { until } from './harness/until.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab('2026.4.26')
})
afterAll(() => lab?.close())

type Who = 'alone' | 'supervised'
/** Killed between the line of the user's and the line of the first answer. */
const unanswered = (who: Who): string => `agent:main:unanswered-${who}`
/** Killed between the lock of a later turn and the index. */
const unmarked = (who: Who): string => `agent:main:unmarked-${who}`
/** Killed in a first turn, before anything of it was written down. */
const unwritten = (who: Who): string => `agent:main:unwritten-${who}`

test('alone, the gateway forgets them', async () => {
  const gateway = lab.start()
  const seen = await lab.ready()
  for (const who of ['alone', 'supervised'] as const)
    for (const key of [unanswered(who), unmarked(who)]) await lab.turn(`first of ${key}`, key)
  await lab.beginTurn(`hold:one first of ${unwritten('alone')}`, unwritten('alone'))
  signal(seen, 'SIGKILL')
  await gateway.ended
  await cutAnswer(unanswered('alone'))
  await beginUnmarked(unmarked('alone'))

  const again = lab.start()
  const second = await lab.ready()
  await until(
    'the gateway gives the first turn up',
    30_000,
    () => lab.entry(unwritten('alone'))?.status === 'failed',
  )
  expect(resumed()).toEqual([])
  expect(await heardBy(unanswered('alone'))).not.toContain(`first of ${unanswered('alone')}`)
  expect(await heardBy(unwritten('alone'))).not.toContain(`first of ${unwritten('alone')}`)
  await lab.beginTurn(`hold:two first of ${unwritten('supervised')}`, unwritten('supervised'))
  signal(second, 'SIGKILL')
  await again.ended
})

test('under supervision none is lost, and cut-off turns are resumed', async () => {
  await cutAnswer(unanswered('supervised'))
  await beginUnmarked(unmarked('supervised'))
  lab.start('supervise')
  await lab.readyUnderSupervision()
  await until('both turns are resumed', 60_000, () =>
    [`more in ${unmarked('supervised')}`, `first of ${unwritten('supervised')}`].every((words) =>
      resumed().some((context) => context.includes(words)),
    ),
  )
  expect(await heardBy(unanswered('supervised'))).toContain(`first of ${unanswered('supervised')}`)
})

const contextOf = ({ messages }: Lab['model']['requests'][number]): string =>
  messages.map(({ content }) => textOf(content)).join('\n')

/** What the model was told by turns that the gateway resumed. */
const resumed = (): string[] =>
  lab.model.requests
    .filter(({ prompt }) => prompt.includes('Your previous turn was interrupted by a gateway restart'))
    .map(contextOf)

/** What the model is told at the second turn from now: some losses show in that only. */
async function heardBy(key: string): Promise<string> {
  for (const more of ['once', 'twice']) await lab.turn(`asked ${more} in ${key}`, key)
  const asked = lab.model.requests.findLast(({ prompt }) => prompt.includes(`asked twice in ${key}`))
  return asked === undefined ? '' : contextOf(asked)
}

const transcriptOf = (key: string): string =>
  join(lab.sessionsDir, `${lab.entry(key)?.sessionId ?? ''}.jsonl`)

async function cutAnswer(key: string): Promise<void> {
  const lines = (await readFile(transcriptOf(key), 'utf8')).split('\n')
  const at = lines.findIndex((line) => line.includes('"role":"assistant"'))
  expect(at).toBeGreaterThan(1)
  await writeFile(transcriptOf(key), `${lines.slice(0, at).join('\n')}\n`)
}

async function beginUnmarked(key: string): Promise<void> {
  const lines = (await readFile(transcriptOf(key), 'utf8')).trim().split('\n')
  const { id } = JSON.parse(lines.at(-1) ?? '') as { id: string }
  const timestamp = new Date().toISOString()
  const content = [{ type: 'text', text: `more in ${key}` }]
  const message = { role: 'user', content, timestamp: Date.now() }
  const line = { type: 'message', id: '0badcafe', parentId: id, timestamp, message }
  await appendFile(transcriptOf(key), `${JSON.stringify(line)}\n`)
  await writeFile(
    `${transcriptOf(key)}.lock`,
    JSON.stringify({ pid: 99_999_999, createdAt: timestamp, starttime: 1 }),
  )
}
