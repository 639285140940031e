/**
 * A short campaign on the SQLite store, where this Node has SQLite, and each major of Node asks other cases; any other
 * campaign: scripts/fuzz --databases, under Node 24.
 */
import { expect, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { campaign } from './databases.ts'

const major = Number.parseInt(process.versions.node, 10)
const seed = Number(process.env['SUPERVISE_FUZZ_SEED'] ?? major * 1000)
const cases = Number(process.env['SUPERVISE_FUZZ_CASES'] ?? 150)

test.runIf(hasSqlite())(
  `${cases} random states of the SQLite store from seed ${seed}`,
  { timeout: Math.max(120_000, cases * 5000) },
  async () => {
    const began = performance.now()
    const count = await campaign(seed, cases)
    const { verdicts, kinds } = count
    console.log(
      `${cases} cases in ${((performance.now() - began) / 1000).toFixed(0)} s: ${JSON.stringify({ verdicts, kinds })}`,
    )
    expect(count.failures.join('\n\n')).toBe('')
    if (cases >= 30) expect(Object.keys(count.verdicts)).toContain('repaired')
  },
)

// 100062: the control plane in the place of an agent's database, and torn.  101238: an agent's database is missed once
// the control plane can be asked again.
test.runIf(hasSqlite()).each([100_062, 101_238])(
  'what needs a person is seen only behind what was mended, and that can be taken back: %d',
  async (one) => {
    const { failures, verdicts } = await campaign(one, 1)
    expect({ failures, verdicts }).toEqual({ failures: [], verdicts: { 'needs-operator': 1 } })
  },
)
