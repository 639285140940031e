import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ofVersions, upgrades, versions } from './rows.ts'
import { known, page, pageOf } from './table.ts'

test('the page is what the results make of it', async () => {
  expect(readFileSync(page, 'utf8')).toBe(await pageOf(known()))
})

test('a cell says what came of it, that it was not run, or why it does not apply: none is empty', async () => {
  const text = await pageOf({ [versions[0].version]: { [ofVersions[0]]: 'no' } })
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| 2026'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  expect(rows).toHaveLength(versions.length + upgrades.length)
  for (const cell of rows.flatMap((row) => row.slice(1))) expect(cell).toMatch(/^(yes|no|not run|n\/a: .+)$/)
  expect(rows[0]).toContain('no')
  expect(rows[1]).toContain('not run')
})
