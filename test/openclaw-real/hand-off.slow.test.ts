/**
 * --hand-off=consume with the real gateway and its real command (2026.9.6): what a restart left is taken, by a supervisor
 * that could read it, and by one whose Node has no SQLite, which learns by it alone that it was a restart.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { signal } from './harness/census.ts'
import { openLab } from './harness/lab.ts'

const startMs = 150_000

test.each(['running', 'same as the gateway'] as const)(
  'taken by its own command, whose answer is told: Node %s',
  async (runner) => {
    const lab = await openLab('2026.9.6', 24, {}, runner)
    const handOffs = (): unknown =>
      JSON.parse(
        execFileSync(
          lab.node,
          [
            '--no-warnings',
            '-e',
            `const { DatabaseSync } = require('node:sqlite')
             const database = new DatabaseSync(process.argv[1], { readOnly: true })
             console.log(JSON.stringify(database.prepare('SELECT pid FROM gateway_restart_handoff').all()))`,
            join(lab.place.stateDir, 'state/openclaw.sqlite'),
          ],
          { encoding: 'utf8' },
        ),
      )
    try {
      lab.start('supervise', { SUPERVISE_HAND_OFF: 'consume' })
      let gateway = await lab.readyUnderSupervision(startMs)
      // What is offered is asked at the first, and known at the second.
      for (let round = 0; round < 2; round++) {
        signal(gateway, 'SIGUSR2')
        gateway = await lab.readyUnderSupervision(startMs, gateway)
        const { lastExit, budgets } = await lab.status()
        expect(lastExit).toMatchObject({ exit: { by: 'code', code: 0 }, why: 'gateway-asked' })
        expect(lastExit?.detail).toMatch(/^exit status 0: restart: .* \(its hand-off was taken\)$/)
        expect(budgets.crashes.spent).toBe(0)
        expect(handOffs()).toEqual([])
        expect(lab.gateways()).toEqual([gateway])
      }
    } finally {
      await lab.close()
    }
  },
  5 * startMs,
)
