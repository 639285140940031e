/** The table of README.md says no more than what is there. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('README.md', import.meta.url), 'utf8')
const table = text.split('\n').filter((line) => line.startsWith('| #'))
const named = [...text.matchAll(/`(test\/[^`]+)`: "([^"]+)"/g)].map(([, file, name]) => ({
  file: file!,
  name: name!,
}))

test('each report has a test', () => {
  const without = table.filter((line) => !/`test\/[^`]+`: "[^"]+"/.test(line))
  expect(without).toEqual([])
  const reports = table.flatMap((line) =>
    [...line.split('|')[1]!.matchAll(/#\d+/g)].map(([number]) => number),
  )
  expect(new Set(reports).size).toBe(reports.length)
  expect(reports.length).toBeGreaterThanOrEqual(20)
})

test.each(named)('$file has "$name"', ({ file, name }) => {
  const source = readFileSync(new URL(file, root), 'utf8')
  // As it is written in a source: between quotes.
  expect(
    ["'", '"', '`'].some((quote) => source.includes(`${quote}${name}${quote}`)),
    file,
  ).toBe(true)
})
