/** The gateway restarts itself: one gateway before, one after, never two, and no crash counted. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signal, stillLives } from './harness/census.ts'
import { openLab, type Lab } from './harness/lab.ts'
import { until } from './harness/until.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab('2026.4.26')
  lab.start('supervise')
})
afterAll(() => lab?.close())

test.each([
  ['SIGUSR1', async (pid: number, startTicks: string) => signal({ pid, startTicks }, 'SIGUSR1')],
  [
    'an edit of its configuration',
    async () => {
      const path = join(lab.place.stateDir, 'openclaw.json')
      const config = JSON.parse(await readFile(path, 'utf8')) as { gateway: object }
      const gateway = { ...config.gateway, controlUi: { basePath: '/elsewhere' } }
      await writeFile(path, JSON.stringify({ ...config, gateway }, null, 2))
    },
  ],
])('by %s', async (_, ask) => {
  const before = await lab.readyUnderSupervision()
  // In its first seconds after ready the gateway would collide with itself; a turn takes longer than they do.
  await lab.turn('still here?')
  let most = 0
  const census = setInterval(() => (most = Math.max(most, lab.gateways().length)), 20)
  try {
    await ask(before.pid, before.startTicks)
    await until('the gateway left', 30_000, () => !stillLives(before))
    const after = await lab.readyUnderSupervision(60_000, before)
    expect(lab.gateways()).toEqual([after])
  } finally {
    clearInterval(census)
  }
  expect(most).toBe(1)
  const status = await lab.status()
  expect(status.lastExit).toMatchObject({ exit: { by: 'code', code: 0 }, wasReady: true })
  expect(status.budgets.crashes.spent).toBe(0)
  expect((await lab.history()).length).toBeGreaterThanOrEqual(2)
})
