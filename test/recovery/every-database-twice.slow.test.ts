/** As database-power-cut.test.ts, with a second cut in the second recovery. */
import { afterAll, describe, test } from 'vitest'
import { hasSqlite } from '../../src/host/sqlite.ts'
import { rows } from './damaged-databases.ts'
import { surviveDatabase } from './survive-database.ts'
import { tally } from './survive.ts'

describe.runIf(hasSqlite())('every repair of a database survives two outages', () => {
  const sum = tally()
  afterAll(() => sum.print('repairs of databases, cut off twice'))

  test.each(rows)('$name', async (row) => sum.add(await surviveDatabase(row, 2)), 900_000)
})
