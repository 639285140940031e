/**
 * The index of all sessions is empty, and no generation of it is left: issue #77783, and what a gateway of its own
 * makes of it, which is why it must not be started like that.
 */
import { rm, readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { textOf } from '../../demo/model.mjs'
import { signal } from './harness/census.ts'
import { main, openLab, type Lab } from './harness/lab.ts'

let lab: Lab
afterEach(() => lab?.close())

const other = 'agent:main:other'
let transcriptOfOther = ''
const group = 'agent:main:telegram:group:-100123:topic:42'

test('alone, the gateway forgets every session', async () => {
  lab = await withEmptyIndex()
  lab.start()
  await lab.ready()
  expect(await lab.sessions()).toEqual([])
})

test('under supervision every session is there again, and the next turn knows what was said', async () => {
  lab = await withEmptyIndex()
  const ids = (await readdir(lab.sessionsDir)).filter((name) => /^[0-9a-f-]{36}\.jsonl$/.test(name)).sort()
  await rm(join(lab.sessionsDir, transcriptOfOther))
  lab.start('supervise')
  await lab.readyUnderSupervision()

  expect(await lab.sessions()).toEqual([main, other, group])
  expect((await lab.history(group)).map(({ text }) => text)).toContain('the topic is trains')
  // Of this one only the trajectory was left.
  expect((await lab.history(other)).map(({ text }) => text)).toContain('the sky is blue')
  const allSaid = { [main]: 'my number is 4711', [other]: 'the sky is blue', [group]: 'the topic is trains' }
  for (const [key, said] of Object.entries(allSaid)) {
    await lab.turn(`and what did I say in ${key}?`, key)
    const asked = lab.model.requests.findLast(({ prompt }) => prompt.includes(`in ${key}?`))
    expect(asked?.messages.map(({ content }) => textOf(content)).join('\n')).toContain(said)
  }
  const after = (await readdir(lab.sessionsDir)).filter((name) => /^[0-9a-f-]{36}\.jsonl$/.test(name)).sort()
  expect(after).toEqual(ids)
})

async function withEmptyIndex(): Promise<Lab> {
  const made = await openLab('2026.4.26')
  const gateway = made.start()
  const seen = await made.ready()
  await made.turn('my number is 4711')
  await made.turn('the sky is blue', other)
  await made.turn('the topic is trains', group)
  signal(seen, 'SIGTERM')
  await gateway.ended
  transcriptOfOther = `${made.entry(other)?.sessionId ?? ''}.jsonl`
  await truncate(join(made.sessionsDir, 'sessions.json'))
  for (const name of await readdir(made.sessionsDir))
    if (/^sessions\.json\../.test(name)) await rm(join(made.sessionsDir, name))
  return made
}
