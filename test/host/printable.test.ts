import { assert, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { printable } from '../../src/host/printable.ts'

test.each([
  ['plain text, Grüße, 日本語, 🦞', 'plain text, Grüße, 日本語, 🦞'],
  ['two\nlines\r\n\tand a tab', 'two\\nlines\\r\\n\\tand a tab'],
  ['\u001b[2J\u009b31m\u0007\u0000', '\\x1b[2J\\x9b31m\\x07\\x00'],
  ['gpj.\u202eexe', 'gpj.\\u202eexe'],
  ['a\u2028b\u2066c\u200bd\ufeff', 'a\\u2028b\\u2066c\\u200bd\\ufeff'],
  ['half \ud83e a lobster, the other half \udd9e', 'half \\ud83e a lobster, the other half \\udd9e'],
])('%j', (text, line) => {
  expect(printable(text)).toBe(line)
})

test('a long text is cut, and says so', () => {
  expect(printable('x'.repeat(10), 4)).toBe('xxxx…')
  expect(printable('xxxx', 4)).toBe('xxxx')
  expect(printable('🦞🦞', 3)).toBe('🦞\\ud83e…')
})

// oxlint-disable-next-line no-control-regex
const obeyed = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

test('whatever it is given, nothing that a terminal obeys comes out', () => {
  assert(
    property(string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(obeyed)
      expect(printable(printable(text))).toBe(printable(text))
    }),
  )
})
