/**
 * From files to rows: the state of an older version is taken over by a newer one under the supervisor, whose gateway
 * (2026.8: its operator) imports it, and is killed on the way at one moment after the other. Each time everything
 * that was said is there once, the next turn sees it, and no file of the old days is lost.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { textOf } from '../../../demo/model.mjs'
import { everyoneOn, identityOf, signal, stillLives } from '../harness/census.ts'
import { main, openLab, type Lab } from '../harness/lab.ts'
import { until } from '../harness/until.ts'
import { isAsked, nameOf, ofUpgrades, upgrades, versions, type OfUpgrade } from './rows.ts'
import { note } from './table.ts'

const startMs = 240_000
const other = 'agent:main:other'
const nodeOf = (version: string): number => versions.find((one) => one.version === version)!.node

/** What is there at each moment; in this order, when nothing comes between. */
const moments: Readonly<
  Partial<Record<OfUpgrade, (stateDir: string, port: number) => boolean | Promise<boolean>>>
> = {
  'killed with a new schema': (stateDir) => schemaOf(join(stateDir, 'state/openclaw.sqlite')) >= 15,
  'killed with an agent database': (stateDir) =>
    existsSync(join(stateDir, 'agents/main/agent/openclaw-agent.sqlite')),
  'killed with the import recorded': (stateDir) =>
    existsSync(join(stateDir, 'session-sqlite-migration-runs')),
  'killed with files archived': (stateDir) =>
    existsSync(join(stateDir, 'agents/main/session-sqlite-import-archive')),
  'killed before ready': async (_, port) => {
    const { ok } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1000) })
    return ok
  },
}

for (const upgrade of upgrades)
  describe.runIf(isAsked(nameOf(upgrade)))(nameOf(upgrade), () => {
    const { from, to, imports } = upgrade
    let before: Lab
    let lab: Lab
    /** Of the old days. */
    const said = ['the first question', 'the second question'] as const
    const files: Record<string, string> = {}
    const backup = (): string => join(lab.place.root, 'state-of-the-old-days')

    const scenario = (name: OfUpgrade, play: () => Promise<void>): void =>
      test(name, async () => {
        await note(nameOf(upgrade), name, 'no')
        for (const seen of everyoneOn(lab.place.stateDir)) if (stillLives(seen)) signal(seen, 'SIGKILL')
        await until('nobody is left', 30_000, () => everyoneOn(lab.place.stateDir).length === 0)
        rmSync(lab.place.stateDir, { recursive: true })
        cpSync(backup(), lab.place.stateDir, { recursive: true, preserveTimestamps: true })
        await play()
        await note(nameOf(upgrade), name, 'yes')
      })

    beforeAll(async () => {
      before = await openLab(from, nodeOf(from), {}, 'same as the gateway')
      const supervisor = before.start('supervise')
      await before.ready(startMs)
      for (const question of said) await before.turnAtLast(question)
      await before.turnAtLast('a question on the side', other)
      process.kill(supervisor.pid, 'SIGTERM')
      expect(await supervisor.ended).toEqual({ code: 0, signal: null })
      lab = await openLab(to, nodeOf(to), {}, 'same as the gateway', before)
      cpSync(lab.place.stateDir, backup(), { recursive: true, preserveTimestamps: true })
      for (const name of readdirSync(lab.sessionsDir))
        if (/^[0-9a-f-]{36}\.jsonl$|^sessions\.json$/.test(name))
          files[name] = hashOf(join(lab.sessionsDir, name))
      expect(Object.keys(files)).toHaveLength(3)
      expect(JSON.parse((await lab.supervise('check', '--json')).stdout)).toMatchObject({ store: 'file' })
    })
    afterAll(async () => {
      await lab?.close()
      await before?.close()
    })

    /** What works on the import, the supervisor set aside. */
    const importers = (supervisor: number): ReturnType<typeof everyoneOn> =>
      everyoneOn(lab.place.stateDir).filter(({ pid }) => pid !== supervisor)

    const killAt = async (moment: OfUpgrade, supervisor: number): Promise<void> => {
      await until(moment, startMs, () => moments[moment]?.(lab.place.stateDir, lab.place.port))
      const caught = importers(supervisor)
      expect(caught).not.toEqual([])
      for (const seen of caught) if (stillLives(seen)) signal(seen, 'SIGKILL')
      await until('they are gone', 30_000, () => caught.every((seen) => !stillLives(seen)))
    }

    /** As its operator would: what holds it back is what it names, and that is done. */
    const importByHand = async (moment?: OfUpgrade): Promise<void> => {
      const held = lab.start('supervise')
      expect(await held.ended).toEqual({ code: 65, signal: null })
      expect(held.said()).toContain('openclaw doctor --fix')
      const doctor = lab.cli('doctor', '--fix', '--non-interactive')
      if (moment === undefined) {
        expect(await doctor).toMatchObject({ code: 0 })
        return
      }
      await killAt(moment, 0)
      await doctor
    }

    const expectArrived = async (): Promise<void> => {
      const shown = (await lab.history()).filter(({ role }) => role === 'user')
      for (const earlier of said) expect(shown.filter(({ text }) => text.includes(earlier))).toHaveLength(1)
      expect((await lab.history(other)).map(({ text }) => text).join('\n')).toContain(
        'a question on the side',
      )
      expect(await lab.sessions()).toEqual([main, other])
      const asking = lab.model.requests.length
      await lab.turnAtLast('the question of the new days')
      const { messages } = await lab.model.request(
        (request) =>
          lab.model.requests.indexOf(request) >= asking &&
          request.prompt.includes('the question of the new days'),
        60_000,
        'the new question',
      )
      const context = messages.map(({ content }) => textOf(content)).join('\n')
      for (const earlier of said) expect(context).toContain(earlier)
    }

    const expectSound = async (supervisor: number, ended: Promise<unknown>): Promise<void> => {
      process.kill(supervisor, 'SIGTERM')
      expect(await ended).toEqual({ code: 0, signal: null })
      const { stdout } = await lab.supervise('check', '--thorough', '--json')
      expect(JSON.parse(stdout)).toMatchObject({ store: 'sqlite', verdict: 'consistent' })
      const kept = readdirSync(lab.place.stateDir, { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile())
        .map((one) => hashOf(join(one.parentPath, one.name)))
      for (const [name, hash] of Object.entries(files)) expect(kept, name).toContain(hash)
    }

    const arrive = async (): Promise<void> => {
      let supervisor = lab.start('supervise')
      if (imports === 'by hand') {
        // Unless an earlier import had come to its end.
        const held = await Promise.race([supervisor.ended, lab.ready(startMs).catch(() => undefined)])
        if (held !== undefined && 'code' in held) {
          expect(held).toEqual({ code: 65, signal: null })
          await importByHand()
          supervisor = lab.start('supervise')
        }
      }
      await lab.ready(startMs)
      await expectArrived()
      await expectSound(supervisor.pid, supervisor.ended)
    }

    for (const name of ofUpgrades) {
      if (name === 'undisturbed') scenario(name, arrive)
      else if (name === 'supervisor killed, too')
        scenario(name, async () => {
          const first = lab.start('supervise')
          const ours = identityOf(first.pid)!
          await until(name, startMs, () =>
            moments['killed with a new schema']?.(lab.place.stateDir, lab.place.port),
          )
          signal(ours, 'SIGKILL')
          for (const seen of importers(0)) if (stillLives(seen)) signal(seen, 'SIGKILL')
          await first.ended
          await arrive()
        })
      else if (imports === 'by hand' && name !== 'killed with a new schema' && name !== 'killed before ready')
        scenario(name, async () => {
          await importByHand(name)
          await arrive()
        })
      else
        scenario(name, async () => {
          if (imports === 'by hand' && name === 'killed before ready') await importByHand()
          const supervisor = lab.start('supervise')
          await killAt(name, supervisor.pid)
          if (imports === 'by hand' && name !== 'killed before ready') {
            expect(await supervisor.ended).toEqual({ code: 65, signal: null })
            await arrive()
            return
          }
          await lab.ready(startMs)
          await expectArrived()
          await expectSound(supervisor.pid, supervisor.ended)
        })
    }
  })

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

/** user_version, as the database's own file has it by now; 0 where there is none. */
function schemaOf(path: string): number {
  try {
    return readFileSync(path).readUInt32BE(60)
  } catch {
    return 0
  }
}
