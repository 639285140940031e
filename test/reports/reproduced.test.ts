/** What users reported and no other suite tells as a story. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { recover } from '../../src/recovery/recover.ts'
import { repairs } from '../../src/recovery/repairs.ts'
import { context, conversations, fileOf, store } from '../recovery/gateway-reader.ts'
import { sessions, state } from '../recovery/state.ts'

const ask = { owed: 'another-boot', trigger: 'test' } as const

test('#77608 what the index lost is told, and comes back when asked', async () => {
  const plain = state('sound')
  const before = conversations(plain.stateDir)
  const index = plain.at(`${sessions}/sessions.json`)
  const all = JSON.parse(readFileSync(index, 'utf8')) as Record<string, object>
  const [kept, ...lost] = Object.entries(all)
  writeFileSync(index, JSON.stringify(Object.fromEntries([kept!])))
  const told = (await plain.look()).findings.find(({ kind }) => kind === 'unindexed-transcripts')
  expect(told).toMatchObject({
    severity: 'benign',
    evidence: expect.stringMatching(/^\d+ transcripts \(\d+ bytes\)/),
  })

  const asking = { ...plain.site, policy: { ...plain.site.policy, adopt: true } }
  expect(await recover(asking, ask)).toMatchObject({ is: 'repaired' })
  const now = Object.values(conversations(plain.stateDir)).map((one) => JSON.stringify(one))
  for (const [key] of lost) if (before[key]) expect(now, key).toContain(JSON.stringify(before[key]))
})

test('#77783 an index of 0 bytes, and nothing left of it', async () => {
  const plain = state('sound')
  const { site, stateDir } = plain
  const before = conversations(stateDir)
  writeFileSync(plain.at(`${sessions}/sessions.json`), '')
  expect(await recover(site, ask)).toMatchObject({ is: 'repaired' })
  const now = conversations(stateDir)
  for (const [key, messages] of Object.entries(before))
    if (messages !== null) expect(now[key], key).toEqual(messages)
})

test('#10310 a tool call whose result a kill cut off stays, and is told with its session', async () => {
  const { site, stateDir } = state('killed-mid-run')
  const key = 'agent:main:main'
  const file = fileOf(stateDir, store(stateDir)[key]!)
  const before = context(file)!
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const last = JSON.parse(lines.at(-1)!) as { id: string; timestamp: string }
  const call = {
    type: 'message',
    id: 'feedbeef',
    parentId: last.id,
    timestamp: last.timestamp,
    message: {
      role: 'assistant',
      content: [{ type: 'toolCall', id: 'call-1', name: 'exec', arguments: {} }],
      stopReason: 'toolUse',
    },
  }
  writeFileSync(
    file,
    `${[...lines, JSON.stringify(call)].join('\n')}\n{"type":"message","id":"0badf00d","parentId":"feedbeef","mess`,
  )
  const recovery = await recover(site, ask)
  expect(recovery).toMatchObject({ is: 'repaired' })
  for (const told of [recovery.found, recovery.inspection.findings])
    expect(told).toContainEqual(
      expect.objectContaining({
        kind: 'tool-call-unanswered',
        severity: 'benign',
        evidence: expect.stringMatching(/^session "agent:main:main" was cut off while it ran "exec"/),
      }),
    )
  expect(context(file)!.slice(0, before.length)).toEqual(before)
  expect(context(file)).toHaveLength(before.length + 1)
  // The lock is the gateway's sign of the turn: it stays.
  expect(readFileSync(`${file}.lock`, 'utf8')).toContain('"pid"')
})

test('#91835 a state that is wiped while it is repaired costs nothing that was kept', async () => {
  const plain = state('sound')
  const { site, stateDir } = plain
  const at = (name: string): string => plain.at(name)
  const file = fileOf(stateDir, store(stateDir)['agent:main:main']!)
  const torn = readFileSync(file, 'utf8').trimEnd()
  writeFileSync(file, torn)
  let calls = 0
  const wiping = {
    ...site,
    disk: {
      ...site.disk,
      exchange: async (one: string, other: string) => {
        if (calls++ === 0) {
          renameSync(at('agents'), at('wiped'))
          rmSync(at('wiped'), { recursive: true })
          mkdirSync(at(sessions), { recursive: true })
        }
        return await site.disk.exchange(one, other)
      },
    },
  }
  expect(await recover(wiping, ask)).toMatchObject({ is: 'retry-later' })
  expect(calls).toBeGreaterThan(0)
  const [repair] = await repairs(site)
  expect(repair).toMatchObject({ state: 'abandoned' })
  const kept = repair!.kept[0]?.keptAs ?? `supervise/repairs/${repair!.id}/kept/0`
  expect(readFileSync(at(kept), 'utf8')).toBe(torn)
  expect(await recover(site, ask)).toMatchObject({ is: 'consistent' })
})
