/**
 * A user's words whose answer a crash cut off, in the ways in which a gateway of its own forgets them: each happens to
 * two sessions, one is left to the gateway, the other to the program under test.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { textOf } from '../../demo/model.mjs'
import { signal } from './harness/census.ts'
import { openLab, type Lab } from './harness/lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab('2026.4.26')
})
afterAll(() => lab?.close())

const unanswered = (who: string): string => `agent:main:unanswered-${who}`

test('alone, the gateway forgets them', async () => {
  const gateway = lab.start()
  const seen = await lab.ready()
  for (const who of ['alone', 'supervised']) await lab.turn(`words of ${who}`, unanswered(who))
  signal(seen, 'SIGKILL')
  await gateway.ended
  await cutAnswer(unanswered('alone'))

  const again = lab.start()
  const second = await lab.ready()
  expect(await heardBy(unanswered('alone'))).not.toContain('words of alone')
  signal(second, 'SIGKILL')
  await again.ended
})

test('under supervision none is lost', async () => {
  await cutAnswer(unanswered('supervised'))
  lab.start('supervise')
  await lab.readyUnderSupervision()
  expect(await heardBy(unanswered('supervised'))).toContain('words of supervised')
  expect(JSON.parse((await lab.supervise('check', '--json')).stdout)).toMatchObject({ verdict: 'consistent' })
})

/** What the model is told at the second turn from now: some losses show in that only. */
async function heardBy(key: string): Promise<string> {
  for (const more of ['once', 'twice']) await lab.turn(`asked ${more} in ${key}`, key)
  const asked = lab.model.requests.findLast(({ prompt }) => prompt.includes(`asked twice in ${key}`))
  return asked?.messages.map(({ content }) => textOf(content)).join('\n') ?? ''
}

const transcriptOf = (key: string): string =>
  join(lab.sessionsDir, `${lab.entry(key)?.sessionId ?? ''}.jsonl`)

/** Killed between the line of the user's and the line of the first answer. */
async function cutAnswer(key: string): Promise<void> {
  const lines = (await readFile(transcriptOf(key), 'utf8')).split('\n')
  const at = lines.findIndex((line) => line.includes('"role":"assistant"'))
  expect(at).toBeGreaterThan(1)
  await writeFile(transcriptOf(key), `${lines.slice(0, at).join('\n')}\n`)
}
