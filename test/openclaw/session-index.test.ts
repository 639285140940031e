import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { indexEdits, indexOf, sessionIndex, type IndexEdit } from '../../src/openclaw/session-index.ts'
import { unpack, type Unpacked } from '../fixtures/unpack.ts'

let unpacked: Unpacked
let real: Buffer
beforeAll(() => {
  unpacked = unpack('sound')
  real = readFileSync(join(unpacked.stateDir, 'agents/main/sessions/sessions.json'))
})
afterAll(() => unpacked.remove())

function edited(bytes: Buffer, edits: readonly IndexEdit[]): string {
  let at = 0
  let text = ''
  for (const { from, to, put } of indexEdits(bytes, edits)) {
    text += bytes.subarray(at, from).toString() + put
    at = to
  }
  return text + bytes.subarray(at).toString()
}

test('a real index, torn at every byte, is unreadable and nothing throws', () => {
  const small = Buffer.from(
    JSON.stringify(
      JSON.parse(real.toString(), (key, value: unknown) =>
        key === 'skillsSnapshot' || key === 'systemPromptReport' ? undefined : value,
      ),
      null,
      2,
    ),
  )
  for (let cut = 0; cut < small.length; cut++) {
    expect(sessionIndex(small.subarray(0, cut)).is).toBe('unreadable')
    expect(() =>
      indexEdits(small.subarray(0, cut), [{ do: 'set', key: 'agent:main:main', field: 'x', value: 1 }]),
    ).not.toThrow()
  }
  expect(sessionIndex(small).is).toBe('sound')
})

test.each([
  ['', 'empty'],
  ['\0\0', 'nothing but NUL bytes'],
  ['[]', 'not an object'],
  ['null', 'not an object'],
  ['"x"', 'not an object'],
  ['\ufeff{}', 'begins with a byte order mark'],
  ['{"a":', 'does not parse'],
])('%j is unreadable: %s', (text, why) =>
  expect(sessionIndex(Buffer.from(text))).toMatchObject({ is: 'unreadable', why }),
)

test('what the gateway keeps but cannot use is kept', () => {
  const index = sessionIndex(
    Buffer.from('{"a":null,"b":"x","c":{},"d":{"sessionId":5},"__proto__":{"sessionId":"s"}}'),
  )
  expect(index.is === 'sound' && [...index.entries.keys()]).toEqual(['a', 'b', 'c', 'd', '__proto__'])
  expect(index.is === 'sound' && index.entries.get('__proto__')?.sessionId).toBe('s')
})

test('nesting of 100,000 is answered, not thrown', () => {
  const deep = Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
  expect(['sound', 'unreadable']).toContain(sessionIndex(deep).is)
  expect(edited(deep, [{ do: 'add', key: 'k', entry: {} }])).toContain('"k": {}')
})

describe('an edit', () => {
  test('of a real index changes that one value', () => {
    const text = edited(real, [{ do: 'set', key: 'agent:main:main', field: 'abortedLastRun', value: true }])
    const wanted = JSON.parse(real.toString()) as Record<string, Record<string, unknown>>
    wanted['agent:main:main']!['abortedLastRun'] = true
    expect(text).toBe(JSON.stringify(wanted, null, 2))
  })

  test('adds what is not there as the gateway would write it', () => {
    const edits: IndexEdit[] = [
      { do: 'set', key: 'agent:main:main', field: 'new', value: 'x' },
      { do: 'add', key: 'agent:main:one', entry: { sessionId: 'a', updatedAt: 1 } },
      { do: 'add', key: 'agent:main:two', entry: { sessionId: 'b', updatedAt: 2 } },
    ]
    const wanted = JSON.parse(real.toString()) as Record<string, Record<string, unknown>>
    wanted['agent:main:main']!['new'] = 'x'
    wanted['agent:main:one'] = { sessionId: 'a', updatedAt: 1 }
    wanted['agent:main:two'] = { sessionId: 'b', updatedAt: 2 }
    expect(edited(real, edits)).toBe(JSON.stringify(wanted, null, 2))
  })

  test('leaves number texts, doubled keys, odd spacing and a key named __proto__ as they are', () => {
    const text =
      '{ "__proto__" :{"sessionId":"p","n":1.00},"a":{"sessionId":"old"}, "a":{"sessionId":"s","n":1e3 , "b":"}\\"]"}\n}\n'
    expect(
      edited(Buffer.from(text), [
        { do: 'set', key: 'a', field: 'n', value: 2 },
        { do: 'set', key: '__proto__', field: 'sessionId', value: 'q' },
      ]),
    ).toBe(text.replace('1e3', '2').replace('"p"', '"q"'))
  })

  test('works on an empty index, and without one', () => {
    const add: IndexEdit = { do: 'add', key: 'k', entry: { sessionId: 's' } }
    expect(JSON.parse(edited(Buffer.from('{}'), [add]))).toEqual({ k: { sessionId: 's' } })
    expect(indexOf([add])).toBe(JSON.stringify({ k: { sessionId: 's' } }, null, 2))
    expect(indexOf([])).toBe('{}')
  })
})
