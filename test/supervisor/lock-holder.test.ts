/** Whoever has a lock is named in one line, by what the kernel says now before what was written. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takeLock, type Holder } from '../../src/host/lock.ts'
import { nameOfProcess, ownIdentity } from '../../src/host/process-table.ts'
import { holderInWords } from '../../src/supervisor/lock-holder.ts'
import { endAfterTest, temporaryFolder } from '../host/started.ts'
import { until } from '../processes/until.ts'

const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`

test('one that lives: pid, command, user, when it started, and since when it holds', async () => {
  const path = join(temporaryFolder(), 'lock')
  const lock = await takeLock(path)
  const second = await takeLock(path)
  const words = holderInWords(path, second.is === 'taken' ? second.holder : null)
  expect(words).toMatch(
    new RegExp(
      `^pid ${process.pid} \\(.*node.*, user [\\w-]+(?:, unit \\S+)?\\), started ${time}, holding it since ${time}$`,
    ),
  )
  const [, began = '', since = ''] =
    new RegExp(`started (${time}), holding it since (${time})$`).exec(words) ?? []
  expect(Date.parse(began)).toBeLessThan(Date.parse(since))
  if (lock.is === 'held') lock.release()
})

test('one that is gone, or nobody: whoever has the file open; nobody to be seen: what was written', async () => {
  const path = join(temporaryFolder(), 'lock')
  const started = spawnSync('sh', ['-c', 'sleep 60 >/dev/null 2>&1 3>"$0" & echo $!', path], {
    encoding: 'utf8',
  })
  const { pid } = endAfterTest(Number(started.stdout))
  await until('it is sleep', () => nameOfProcess(pid) === 'sleep')
  const gone: Holder = { ...ownIdentity(), startTicks: 1, command: 'node run', since: 0, unit: 'a.service' }
  for (const holder of [gone, null])
    expect(holderInWords(path, holder)).toMatch(
      new RegExp(`^pid ${pid} \\(sleep 60, user [\\w-]+(?:, unit \\S+)?\\), started ${time}$`),
    )
  const unseen = join(temporaryFolder(), 'lock')
  writeFileSync(unseen, '')
  expect(holderInWords(unseen, null)).toBe('a process that cannot be seen')
  expect(holderInWords(unseen, gone)).toBe(
    `a process that cannot be seen; the last that wrote its name was pid ${process.pid} (node run, unit a.service), since 1970-01-01T00:00:00.000Z`,
  )
})
