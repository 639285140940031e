/** The table of DAMAGE.md and the code name the same kinds, and what is repaired is repaired through every outage. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { rows as damagedDatabases } from './damaged-databases.ts'
import { rows } from './damaged.ts'

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

/** The kinds that the first column of a section's table names. */
function kindsOf(section: string): string[] {
  const text = read('src/recovery/DAMAGE.md')
    .split('\n## ')
    .find((part) => part.startsWith(section))
  const cells = [...(text ?? '').matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell!)
  const names = cells.flatMap((cell) => cell.replace(/\(.*\)/, '').split(',')).map((name) => name.trim())
  return [...new Set(names)].filter((name) => name !== 'kind' && !/^-+$/.test(name)).toSorted()
}

const files = kindsOf('File store')
const databases = kindsOf('SQLite store')

test('each kind has its row, each row its kind', () => {
  const [, union] =
    /export type Kind =\n((?: {2}\| '[a-z-]+'\n)+)/.exec(read('src/recovery/finding.ts')) ?? []
  const kinds = [...(union ?? '').matchAll(/'([a-z-]+)'/g)].map(([, kind]) => kind!)
  expect(kinds.length).toBeGreaterThan(30)
  expect([...new Set([...files, ...databases])].toSorted()).toEqual(kinds.toSorted())
})

/** Why no outage can be in its repair on the disk that loses power. */
const notThere: Readonly<Record<string, string>> = {
  'lock-stale': 'left where it is',
  'tool-call-unanswered': 'told, and no more',
  unreadable: 'held, nothing is changed',
  'disk-failing': 'nothing is changed',
  'unknown-store': 'held, nothing is changed',
  'tasks-unreadable': 'asked of SQLite, which needs a real disk: databases.test.ts',
}

test('each row of the file store that is repaired is among those that lose power', () => {
  const cut: readonly string[] = rows.map(({ kind }) => kind)
  expect(files.filter((kind) => !cut.includes(kind))).toEqual(Object.keys(notThere).toSorted())
})

/** The same of databases. */
const notCut: Readonly<Record<string, string>> = {
  'db-without-sessions': 'told, and no more',
  'owner-or-version': 'held, nothing is changed',
  'import-by-hand': 'held, nothing is changed',
  'disk-full': 'nothing is changed',
}

test('each row of the SQLite store that is repaired is among those that lose power', () => {
  const cut: readonly string[] = damagedDatabases.map(({ kind }) => kind)
  expect(databases.filter((kind) => !cut.includes(kind))).toEqual(Object.keys(notCut).toSorted())
})
