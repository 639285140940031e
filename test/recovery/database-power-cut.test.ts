/**
 * The repairs of databases, with a power cut or a kill before every change of the disk, in every way a disk loses
 * things.
 *
 * Cites the invariants at the head of src/recovery/recover.ts: 2, 3 and 5; and the one rule of sidecars: a log is never
 * beside a database that it was not written for.
 */
import { afterAll, describe, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { rows } from './damaged-databases.ts'
import { surviveDatabase } from './survive-database.ts'
import { tally } from './survive.ts'

describe.runIf(hasSqlite())('every outage in the repair of a database (2, 3, 5)', () => {
  const sum = tally()
  afterAll(() => sum.print('repairs of databases'))

  test.each(rows)('$name', async (row) => sum.add(await surviveDatabase(row, 1)), 120_000)
})
