/** What the fuzzer found, each as small as it became; the questions are those of oracle.ts. */
import { expect, test } from 'vitest'
import { defaultPolicy } from '../../src/recovery/site.ts'
import { recover } from '../../src/recovery/recover.ts'
import type { Recovery } from '../../src/recovery/verdict.ts'
import { STATE } from '../recovery/bench.ts'
import { campaign } from './campaign.ts'
import { judge } from './oracle.ts'
import { inMemory } from './places.ts'
import { bases, type State } from './state.ts'

const transcript = `${STATE}/agents/main/sessions/11111111-1111-4111-8111-111111111111.jsonl`
const sound = (): State => new Map(bases().find(({ name }) => name === 'two sound sessions')!.things)
const file = (text: string) => ({ is: 'file', bytes: Buffer.from(text), mode: 0o600 }) as const
const textOf = (state: State, path: string): string => {
  const thing = state.get(path)
  return thing?.is === 'file' ? thing.bytes.toString() : ''
}
const asked = async (state: State, policy = {}): Promise<string | undefined> =>
  (await judge(inMemory(state, { policy: { ...defaultPolicy, ...policy } }), 'no')).failed

test('an entry that is found inside a torn line does not take the place of another of its id', async () => {
  const state = sound()
  const lines = textOf(state, transcript).split('\n')
  const copy =
    '{"type":"message","id":"aaaaaaa4","parentId":"aaaaaaa4","message":{"role":"user","content":"x"}}'
  state.set(transcript, file([...lines.slice(0, 5), `{"type":"mes${copy}`, ''].join('\n')))
  expect(await asked(state)).toBeUndefined()
})

test('a link to a line that is gone is not mended into a circle that cannot be broken', async () => {
  const state = sound()
  const lines = textOf(state, transcript).split('\n')
  // Two lines that became one, which still parses: the last of two members of a name counts.
  const glued = lines[2]!.replace('"message":', '"messagid":"aaaaaaa3","parentId":"aaaaaaa2","message":')
  expect(JSON.parse(glued)).toMatchObject({ id: 'aaaaaaa2', parentId: 'aaaaaaa2' })
  state.set(transcript, file([...lines.slice(0, 2), glued, ...lines.slice(4)].join('\n')))
  expect(await asked(state)).toBeUndefined()
  expect(await recover(inMemory(state, {}).site, { owed: 'no', trigger: 'fuzz' })).toMatchObject({
    is: expect.stringMatching(/^(consistent|repaired)$/),
  })
})

test('a repair with a step that finds its outcome there already can be taken back', async () => {
  const state = sound()
  state.set(`${transcript}.deleted.2026-11-22T11-00-00.000Z`, file(textOf(state, transcript)))
  expect(await asked(state, { unarchive: true })).toBeUndefined()
})

test('what stands in the place of an archived trajectory is not waited for', async () => {
  const state = new Map(bases().find(({ name }) => name === 'a trajectory that was archived')!.things)
  state.set(transcript.replace('.jsonl', '.trajectory.jsonl'), { is: 'directory' })
  expect(await asked(state)).toBeUndefined()
})

test('a configuration that is a link to a file of an agent is left to a person', async () => {
  const state = new Map(bases().find(({ name }) => name === 'a trajectory gone')!.things)
  const target = transcript.replace('.jsonl', '.trajectory-path.json')
  state.set(`${STATE}/openclaw.json`, { is: 'link', to: target })
  expect(await asked(state)).toBeUndefined()
})

test('a configuration that is a link to nothing is not rolled back for ever', async () => {
  const state = sound()
  state.set(`${STATE}/openclaw.json.last-good`, file('{}'))
  state.set(`${STATE}/openclaw.json`, { is: 'link', to: '/nowhere' })
  expect(await asked(state, { configRollback: true })).toBeUndefined()
})

test("a folder where a file of ours belongs is a person's to look at, and not waited for", async () => {
  for (const name of ['turns.json', 'checkpoint.json', 'checkpoint.json.new']) {
    const state = new Map(bases().find(({ name: base }) => base === 'a poison turn')!.things)
    state.set(`${STATE}/supervise/${name}`, { is: 'directory' })
    expect(await asked(state)).toBeUndefined()
    const { site } = inMemory(state, {})
    expect(await recover(site, { owed: 'another-boot', trigger: 'fuzz' })).toMatchObject({
      is: 'needs-operator',
      command: `ls -ld ${STATE}/supervise/${name}`,
    })
  }
})

test('a state directory in which nothing is left is that of a first start', async () => {
  expect(await asked(new Map())).toBeUndefined()
})

// 436700: names longer than a file system takes.  2011658: nothing left.
test.each([436_700, 2_011_658])('a case that once asked what cannot be: %d', async (seed) => {
  expect((await campaign(seed, 1)).failures).toEqual([])
})

test('a short campaign', async () => {
  const count = await campaign(500_000, 100)
  expect(count.failures.join('\n\n')).toBe('')
})

/** In no UTF-8: read as one sign each, whatever they are, so that what follows stands elsewhere than it seems to. */
const odd = (id: string, parent: string): Buffer =>
  Buffer.from(`{"type":"\xff\xff","id":"${id}","parentId":"${parent}"}\n`, 'latin1')
const recovered = async (bytes: Buffer): Promise<Recovery> => {
  const state = sound()
  state.set(transcript, { is: 'file', bytes, mode: 0o600 })
  expect(await asked(state)).toBeUndefined()
  return await recover(inMemory(state, {}).site, { owed: 'another-boot', trigger: 'fuzz' })
}

test('a line that is there twice, and whose parent is gone, is not bridged to itself', async () => {
  const [header] = textOf(sound(), transcript).split('\n')
  const line = odd('aaaaaaa4', 'aaaaaaa3')
  expect(await recovered(Buffer.concat([Buffer.from(`${header}\n`), line, line]))).toMatchObject({
    is: 'consistent',
    found: [],
  })
})

test('a line that closes a circle is not changed where it does not stand as it was read', async () => {
  const bytes = Buffer.concat([Buffer.from(textOf(sound(), transcript)), odd('aaaaaaa9', 'aaaaaaa9')])
  expect(await recovered(bytes)).toMatchObject({
    is: 'needs-operator',
    evidence: expect.stringContaining('no line of it can be changed'),
  })
})
