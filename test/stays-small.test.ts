/** It stays small: a person reads the whole decision logic in half an hour (architecture: promise 6). */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string): string => readFileSync(`${root}/${name}`, 'utf8')

/** What happens next, and whether a state is safe, and if not, what changes. How that is carried out is not decided there. */
const decisionLogic = [
  ...readdirSync(`${root}/src/lifecycle`).map((name) => `src/lifecycle/${name}`),
  ...['recover', 'inspect', 'plan', 'verdict'].map((name) => `src/recovery/${name}.ts`),
]
/** Nobody reads them. */
const imports = /^import [^']*'[^']*'$/gm
/** Of prose; comments are most of it, and code is read by its names. */
const wordsInAMinute = 250

test('the decision logic is read in half an hour', () => {
  const words = decisionLogic
    .map((name) => read(name).replaceAll(imports, '').split(/\s+/).filter(Boolean).length)
    .reduce((sum, count) => sum + count, 0)
  console.log(`${words} words, ${(words / wordsInAMinute).toFixed(0)} minutes`)
  expect(words).toBeLessThanOrEqual(30 * wordsInAMinute)

  const [, told] = /It stays small\.\*\*.* ([\d,]+) words/.exec(read('ARCHITECTURE.md')) ?? []
  expect(Math.abs(Number(told?.replace(',', '')) - words), `told: ${told}, counted: ${words}`).toBeLessThan(
    300,
  )
})
