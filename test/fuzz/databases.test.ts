/** A short campaign on the SQLite store, where this Node has SQLite; any other: scripts/fuzz --databases, under Node 24. */
import { expect, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { campaign } from './databases.ts'

const seed = Number(process.env['SUPERVISE_FUZZ_SEED'] ?? 1)
const cases = Number(process.env['SUPERVISE_FUZZ_CASES'] ?? 30)

test.runIf(hasSqlite())(
  `${cases} random states of the SQLite store from seed ${seed}`,
  { timeout: Math.max(120_000, cases * 5000) },
  async () => {
    const count = await campaign(seed, cases)
    console.log(JSON.stringify({ verdicts: count.verdicts, kinds: count.kinds }))
    expect(count.failures.join('\n\n')).toBe('')
    if (cases >= 30) expect(Object.keys(count.verdicts)).toContain('repaired')
  },
)
