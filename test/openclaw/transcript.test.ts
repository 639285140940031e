import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTranscript, type Reading } from '../../src/openclaw/transcript.ts'
import { lineOf, linesOf, longLineOf } from '../../src/openclaw/transcript-line.ts'
import { unpack, type Unpacked } from '../fixtures/unpack.ts'

const hint = {
  id: '318a8613-fae2-4ed5-8528-0864a3ebe156',
  cwd: undefined,
  timestamp: '2026-11-22T00:00:00.000Z',
}
const bytesOf = (text: string): Buffer => Buffer.from(text)

function mended(bytes: Buffer, reading: Reading): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (const { from, to, put } of reading.mends) {
    parts.push(bytes.subarray(at, from), Buffer.from(put))
    at = to
  }
  return Buffer.concat([...parts, bytes.subarray(at)])
}

/** Lines that parse, in order, without ours. */
const wholeLines = (bytes: Buffer): string[] =>
  [...linesOf(bytes)].flatMap(({ text }) =>
    text !== undefined && !['torn', 'blank'].includes(lineOf(text).is) && !text.includes('supervise:')
      ? [text]
      : [],
  )

const isSubsequence = (part: readonly string[], all: readonly string[]): boolean => {
  let at = 0
  for (const one of all) if (part[at] === one) at++
  return at === part.length
}

let unpacked: Unpacked
let transcripts: Buffer[]
beforeAll(() => {
  unpacked = unpack('sound')
  const dir = join(unpacked.stateDir, 'agents/main/sessions')
  transcripts = readdirSync(dir)
    .filter((name) => name.endsWith('.jsonl') && !name.includes('trajectory'))
    .map((name) => readFileSync(join(dir, name)))
})
afterAll(() => unpacked.remove())

function expectMended(damaged: Buffer, what: string): void {
  const reading = readTranscript(damaged, hint)
  const after = mended(damaged, reading)
  const again = readTranscript(after, hint)
  if (again.defects.length > 0 || again.mends.length > 0)
    throw new Error(`${what}: not mended: ${JSON.stringify(again.defects)}`)
  if (!isSubsequence(wholeLines(damaged), wholeLines(after)))
    throw new Error(`${what}: a whole line was lost`)
  expect(after.at(-1)).toBe(10)
}

describe('a real transcript', () => {
  test('has nothing to mend', () => {
    expect(transcripts.length).toBeGreaterThan(4)
    for (const bytes of transcripts)
      expect(readTranscript(bytes, hint)).toMatchObject({ defects: [], mends: [] })
  })

  test('torn at every byte is mended, and no whole line is lost', () => {
    for (const bytes of transcripts)
      for (let cut = 0; cut < bytes.length; cut++) expectMended(bytes.subarray(0, cut), `cut at ${cut}`)
  })

  test('with its beginning gone up to every byte is mended, and no whole line is lost', () => {
    for (const bytes of transcripts)
      for (let cut = 1; cut <= bytes.length; cut += 3) expectMended(bytes.subarray(cut), `from ${cut}`)
  })

  test('with a hole at every byte is mended, and no whole line is lost', () => {
    const bytes = transcripts[0]!
    for (let from = 0; from < bytes.length; from += 7)
      for (const length of [1, 20, 300]) {
        expectMended(
          Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]),
          `${length} gone at ${from}`,
        )
        const nul = Buffer.from(bytes)
        nul.fill(0, from, Math.min(from + length, nul.length))
        expectMended(nul, `${length} NUL at ${from}`)
      }
  })

  test('appended to after a torn tail keeps what was appended', () => {
    const bytes = transcripts[0]!
    const next =
      '{"type":"message","id":"11111111","parentId":"22222222","timestamp":"t","message":{"role":"user","content":[{"type":"text","text":"after"}]}}\n'
    for (let cut = bytes.length - 300; cut < bytes.length; cut++) {
      const damaged = Buffer.concat([bytes.subarray(0, cut), bytesOf(next)])
      expectMended(damaged, `cut at ${cut}`)
      expect(mended(damaged, readTranscript(damaged, hint)).toString()).toContain(next)
    }
  })
})

describe('the link to what was before', () => {
  const head = '{"type":"session","version":3,"id":"s","timestamp":"t"}\n'
  const entry = (id: string, parentId: string | null): string =>
    `${JSON.stringify({ type: 'message', id, parentId, timestamp: 't', message: { role: 'assistant', content: id } })}\n`

  test('is restored where a line is torn', () => {
    const text = `${head}${entry('a', null)}${entry('b', 'a').slice(0, 20)}\n${entry('c', 'b')}`
    const after = mended(bytesOf(text), readTranscript(bytesOf(text), hint)).toString()
    expect(after.split('\n')).toMatchObject([
      head.trim(),
      entry('a', null).trim(),
      expect.stringContaining('"id":"b","parentId":"a"'),
      entry('c', 'b').trim(),
      '',
    ])
  })

  test('is restored where the gateway dropped a torn line by itself', () => {
    const text = head + entry('a', null) + entry('c', 'b')
    expect(readTranscript(bytesOf(text), hint)).toMatchObject({
      defects: [{ is: 'torn-middle', evidence: expect.stringContaining('nowhere in the file') }],
      mends: [{ from: (head + entry('a', null)).length }],
    })
  })

  test('needs none where the next line belongs to another branch', () => {
    const text = `${head}${entry('a', null)}{"type":\n${entry('c', 'a')}`
    const { mends } = readTranscript(bytesOf(text), hint)
    expect(mends).toEqual([
      { from: (head + entry('a', null)).length, to: (head + entry('a', null)).length + 9, put: '' },
    ])
  })

  test('is not sought before the first line, nor for a parent that comes later', () => {
    expect(readTranscript(bytesOf(head + entry('b', 'gone')), hint).defects).toEqual([])
    expect(
      readTranscript(bytesOf(head + entry('a', null) + entry('c', 'b') + entry('b', 'a')), hint).defects,
    ).toEqual([])
  })

  test('is not sought in a transcript of version 1, whose lines have no ids', () => {
    const text =
      '{"type":"session","id":"s"}\n{"type":"message","message":{"role":"user"}}\n{"type":"message","message":{}}\n'
    expect(readTranscript(bytesOf(text), hint)).toMatchObject({ defects: [], mends: [] })
  })
})

describe('a circle of parents', () => {
  const head = '{"type":"session","version":3,"id":"s","timestamp":"t"}\n'
  const entry = (id: string, parentId: string | null): string =>
    `${JSON.stringify({ type: 'message', id, parentId, timestamp: 't', message: { role: 'assistant', content: `é ${id}` } })}\n`
  const after = (text: string): string =>
    mended(bytesOf(text), readTranscript(bytesOf(text), hint)).toString()

  test.each([
    ['of a line with itself', entry('a', null) + entry('b', 'b'), entry('a', null) + entry('b', 'a')],
    ['from the first line', entry('a', 'b') + entry('b', 'a'), entry('a', null) + entry('b', 'a')],
    [
      'in the middle',
      entry('a', null) + entry('b', 'c') + entry('c', 'b') + entry('d', 'c'),
      entry('a', null) + entry('b', 'a') + entry('c', 'b') + entry('d', 'c'),
    ],
    [
      'of two lines with one id',
      entry('a', null) + entry('b', 'a') + entry('a', 'b'),
      entry('a', null) + entry('b', 'a') + entry('a', null),
    ],
  ])('%s is opened, once', (_name, text, wanted) => {
    expect(readTranscript(bytesOf(head + text), hint).defects).toMatchObject([{ is: 'looping' }])
    expect(after(head + text)).toBe(head + wanted)
    expect(readTranscript(bytesOf(head + wanted), hint)).toMatchObject({ defects: [], mends: [] })
  })

  test('that the last line does not lead into is nobody’s', () => {
    const text = head + entry('x', 'y') + entry('y', 'x') + entry('a', null)
    expect(readTranscript(bytesOf(text), hint).defects).toEqual([])
  })

  test('in a line that cannot be changed is told all the same, and nothing runs for ever', () => {
    const nested = `{"message":{"role":"assistant"},"type":"message","id":"a","parentId":"a"}\n`
    expect(readTranscript(bytesOf(head + nested), hint)).toMatchObject({
      defects: [{ is: 'looping' }],
      mends: [],
    })
    const many = Array.from({ length: 3000 }, (_, n) => entry(`n${n}`, `n${n + 1}`)).join('')
    expect(readTranscript(bytesOf(head + many + entry('n3000', 'n0')), hint).defects).toMatchObject([
      { is: 'looping' },
    ])
  })
})

describe('a transcript in which nothing was answered', () => {
  const head = '{"type":"session","version":3,"id":"s","timestamp":"t"}\n'
  const model = '{"type":"model_change","id":"m","parentId":null,"timestamp":"t"}\n'
  const said = (id: string, parentId: string | null, role = 'user'): string =>
    `${JSON.stringify({ type: 'message', id, parentId, timestamp: 't', message: { role, content: id } })}\n`
  const after = (text: string): string =>
    mended(bytesOf(text), readTranscript(bytesOf(text), hint)).toString()
  const answer =
    /^\{"type":"message","id":"[0-9a-f]{8}","parentId":(?:"m"|null),.*"role":"assistant","content":\[\].*\}$/

  test.each([
    ['after its header', head + model + said('u', 'm')],
    ['with its header gone', model + said('u', 'm')],
    ['with nothing but words', said('u', 'gone')],
    [
      'because its answer was torn',
      `${head}${model}${said('u', 'm')}${said('a', 'u', 'assistant').slice(0, -9)}`,
    ],
    ['whose words are glued to a fragment', `${head}${model}{"type":"custom","id":"c${said('u', 'm')}`],
    [
      'which is a summary',
      `${head}{"type":"compaction","id":"c","parentId":null,"timestamp":"t","summary":"s"}\n`,
    ],
  ])('%s: gets an empty answer that is on no way to the last line', (_name, text) => {
    expect(readTranscript(bytesOf(text), hint).defects).toContainEqual(
      expect.objectContaining({ is: 'unanswered' }),
    )
    expectMended(bytesOf(text), 'unanswered')
    const lines = after(text).trim().split('\n')
    const at = lines.findIndex((line) => answer.test(line))
    expect(at).toBeGreaterThan(0)
    expect(at).toBeLessThan(lines.length - 1)
    const { id } = JSON.parse(lines[at]!) as { id: string }
    expect(lines.filter((line) => line.includes(`"parentId":"${id}"`))).toEqual([])
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ id: text.includes('summary') ? 'c' : 'u' })
  })

  test('of which nobody said anything is left alone; so is one that has an answer, and one of version 1', () => {
    for (const text of [
      head + model,
      head + said('u', null) + said('a', 'u', 'assistant'),
      head.replace('"version":3,', '') + said('u', null),
    ])
      expect(readTranscript(bytesOf(text), hint)).toMatchObject({ defects: [], mends: [] })
  })

  test('is not told of an answer too long to be held', () => {
    const long = `{"type":"message","id":"a","parentId":"u","message":{"role":"assistant","content":"${'x'.repeat(99)}`
    expect(longLineOf(long, '"}}')).toMatchObject({ role: 'assistant' })
    expect(longLineOf(long.replace('assistant', 'user'), '"}}')).toMatchObject({ role: 'user' })
  })
})

describe('a line', () => {
  test.each([
    ['null', 'torn'],
    ['5', 'torn'],
    ['[]', 'torn'],
    ['{"type":"session"}', 'torn'],
    ['{"type":"session","id":"x"}', 'header'],
    ['{"type":"unheard-of","id":"x","later":{}}', 'entry'],
    ['{"unheard":"of"}', 'other'],
    ['  ', 'blank'],
    ['\0', 'torn'],
    ['{"__proto__":{"type":"session"},"type":"message","id":"x"}', 'entry'],
  ])('%j is %s', (text, is) => expect(lineOf(text).is).toBe(is))

  test('nested 100,000 deep does not end the reader', () => {
    const deep = `{"type":"custom","id":"x","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(['entry', 'torn']).toContain(lineOf(deep).is)
  })

  test('of invalid UTF-8 is what the gateway would see: replaced, not torn', () => {
    const bytes = Buffer.concat([
      bytesOf('{"type":"session","id":"'),
      Buffer.from([0xff, 0xfe]),
      bytesOf('"}\n'),
    ])
    expect([...linesOf(bytes)].map(({ text }) => lineOf(text!).is)).toEqual(['header'])
  })

  test('too long to be held tells its ids from its beginning or its end', () => {
    const message =
      '{"type":"message","id":"aa","parentId":"bb","timestamp":"t","message":{"role":"user","content":"'
    expect(longLineOf(message, '"}}')).toMatchObject({ is: 'entry', id: 'aa', parentId: 'bb' })
    const custom = '{"type":"custom","customType":"x","data":{"id":"not this"'
    expect(longLineOf(custom, '},"id":"aa","parentId":"bb","timestamp":"t"}')).toMatchObject({
      id: 'aa',
      parentId: 'bb',
    })
    expect(longLineOf(message, 'aaaa')).toEqual({ is: 'torn' })
  })
})

test('a transcript of nothing but garbage is one mend', () => {
  const garbage = bytesOf('x\n'.repeat(100_000))
  expect(readTranscript(garbage, hint).mends).toHaveLength(1)
  expect(readTranscript(garbage, hint).tooMany).toBe(false)
})

test('more damaged places than a crash makes are said to be too many', () => {
  const text = `{"type":"session","id":"s","version":3}\n${'{"type":"x","id":"a"}\nx\n'.repeat(30_000)}`
  expect(readTranscript(bytesOf(text), hint).tooMany).toBe(true)
})
