/**
 * From files to rows: the state of an older version is taken over by a newer one under the supervisor, whose gateway
 * (2026.8: its operator) imports it. It is installed in the place of the one that runs, or its importer is killed at
 * one moment after the other. Each time everything that was said is there once, the next turn sees it, and no file of
 * the old days is lost.
 */
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { textOf } from '../../../demo/model.mjs'
import type { Status } from '../../../src/supervisor/status.ts'
import { everyoneOn, signal, stillLives } from '../harness/census.ts'
import { main, openLab, type Lab } from '../harness/lab.ts'
import { until } from '../harness/until.ts'
import { doesNotApplyTo, isAsked, nameOf, ofUpgrades, upgrades, versions, type OfUpgrade } from './rows.ts'
import { note } from './table.ts'

const startMs = 240_000
const other = 'agent:main:other'
const nodeOf = (version: string): number => versions.find((one) => one.version === version)!.node

/** By which file it is seen to have come, and by which to be over. In this order, when nothing comes between. */
interface Moment {
  readonly begins: (stateDir: string, port: number) => boolean | Promise<boolean>
  readonly over: (stateDir: string) => boolean
}

const moments: Readonly<Partial<Record<OfUpgrade, Moment>>> = {
  'killed with a new schema': {
    begins: (stateDir) => schemaOf(join(stateDir, 'state/openclaw.sqlite')) >= 15,
    over: (stateDir) => importOf(stateDir) !== undefined,
  },
  'killed with the import recorded': {
    begins: (stateDir) => importOf(stateDir) !== undefined,
    over: (stateDir) => importOf(stateDir)?.isInDatabase === true,
  },
  // The sessions are rows of it, seen to be right by their importer; and still files, too.
  'killed with an agent database': {
    begins: (stateDir) => importOf(stateDir)?.isInDatabase === true,
    over: (stateDir) => archived(stateDir).length > 0,
  },
  'killed with files archived': {
    begins: (stateDir) => archived(stateDir).length > 0,
    over: (stateDir) => importOf(stateDir)?.isComplete === true,
  },
  'killed before ready': {
    begins: async (_, port) => {
      const { ok } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1000) })
      return ok
    },
    over: (stateDir) => isReadyBy(stateDir),
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

    const anew = async (): Promise<void> => {
      for (const seen of everyoneOn(lab.place.stateDir)) if (stillLives(seen)) signal(seen, 'SIGKILL')
      await until('nobody is left', 30_000, () => everyoneOn(lab.place.stateDir).length === 0)
      rmSync(lab.place.stateDir, { recursive: true })
      cpSync(backup(), lab.place.stateDir, { recursive: true, preserveTimestamps: true })
    }

    /** A moment that was over before it was seen is waited for anew. */
    const scenario = (name: OfUpgrade, play: () => Promise<'played' | 'missed'>): void =>
      test.runIf(doesNotApplyTo(name, upgrade) === undefined)(name, async () => {
        await note(nameOf(upgrade), name, 'no')
        for (let attempt = 1; ; attempt += 1) {
          await anew()
          if ((await play()) === 'played') break
          if (attempt === 5) throw new Error('it was over each time before it was seen')
        }
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

    const signalAll = (seen: ReturnType<typeof everyoneOn>, name: NodeJS.Signals): void => {
      for (const one of seen) if (stillLives(one)) signal(one, name)
    }

    /** Some last for a tenth of a second: who works on it is held still when it is seen, and it is looked at again. */
    const killAt = async (name: OfUpgrade, setAside: number): Promise<'played' | 'missed'> => {
      const { begins, over } = moments[name]!
      const { stateDir, port } = lab.place
      let caught: ReturnType<typeof everyoneOn> = []
      await until(
        name,
        startMs,
        async () => {
          caught = importers(setAside)
          return over(stateDir) || (await begins(stateDir, port))
        },
        () => '',
        1,
      )
      signalAll(caught, 'SIGSTOP')
      const others = importers(setAside)
      signalAll(others, 'SIGSTOP')
      const outcome = over(stateDir) ? 'missed' : 'played'
      expect(others).not.toEqual([])
      signalAll(others, 'SIGKILL')
      await until('they are gone', 30_000, () => others.every((seen) => !stillLives(seen)))
      return outcome
    }

    /** As its operator would: what holds it back is what it names, and that is done. */
    const hold = async (): Promise<void> => {
      const held = lab.start('supervise')
      expect(await held.ended).toEqual({ code: 65, signal: null })
      expect(held.said()).toContain('openclaw doctor --fix')
    }
    const doctor = (): ReturnType<Lab['cli']> => lab.cli('doctor', '--fix', '--non-interactive')
    const importByHand = async (): Promise<void> => {
      await hold()
      // Its first run may end with "resolve the failure, and rerun doctor --fix".
      const first = await doctor()
      const { code, ...said } = first.code === 0 ? first : await doctor()
      expect(code, JSON.stringify([first, said]).slice(-6000)).toBe(0)
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

    const arrive = async (): Promise<'played'> => {
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
      return 'played'
    }

    /** The gateway, its supervisor goes on. */
    const killGateway = async (name: OfUpgrade): Promise<'played' | 'missed'> => {
      const supervisor = lab.start('supervise')
      if ((await killAt(name, supervisor.pid)) === 'missed') return 'missed'
      await lab.ready(startMs)
      expect((await lab.status()).lastExit).toMatchObject({ exit: { by: 'signal' }, wasReady: false })
      await expectArrived()
      await expectSound(supervisor.pid, supervisor.ended)
      return 'played'
    }

    const killDoctor = async (name: OfUpgrade): Promise<'played' | 'missed'> => {
      await hold()
      const importing = doctor()
      const outcome = await killAt(name, 0)
      await importing
      return outcome === 'missed' ? outcome : await arrive()
    }

    /** Another version is installed in the place of the one that runs: the next start is its first. */
    const replace = async (): Promise<'played'> => {
      const link = join(lab.place.root, 'installed')
      const install = (root: string): void => {
        symlinkSync(root, `${link}.new`)
        renameSync(`${link}.new`, link)
      }
      install(before.openclaw.root)
      const supervisor = lab.start(
        'supervise',
        { OPENCLAW_BUNDLED_PLUGINS_DIR: join(link, 'dist/extensions-core') },
        join(link, 'openclaw.mjs'),
      )
      const old = await lab.ready(startMs)
      expect((await lab.status()).child?.version).toBe(from)
      install(lab.openclaw.root)
      process.kill(supervisor.pid, 'SIGHUP')
      if (imports === 'by hand') {
        expect(await supervisor.ended).toEqual({ code: 65, signal: null })
        expect(supervisor.said()).toContain('openclaw doctor --fix')
        return await arrive()
      }
      await until('the old one left', startMs, () => !stillLives(old))
      await lab.ready(startMs, old)
      const { child, budgets } = await lab.status()
      expect(child?.version).toBe(to)
      expect(budgets.crashes.spent).toBe(0)
      await expectArrived()
      await expectSound(supervisor.pid, supervisor.ended)
      return 'played'
    }

    for (const name of ofUpgrades) {
      if (name === 'undisturbed') scenario(name, arrive)
      else if (name === 'package replaced') scenario(name, replace)
      else if (name === 'supervisor killed, too')
        scenario(name, async () => {
          const first = lab.start('supervise')
          const outcome = await killAt('killed with a new schema', 0)
          await first.ended
          return outcome === 'missed' ? outcome : await arrive()
        })
      else if (imports === 'by hand' && name === 'killed before ready')
        scenario(name, async () => {
          await importByHand()
          return await killGateway(name)
        })
      else scenario(name, () => (imports === 'by hand' ? killDoctor : killGateway)(name))
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

/** What the import writes of itself; undefined where none was begun. */
function importOf(
  stateDir: string,
): { readonly isInDatabase: boolean; readonly isComplete: boolean } | undefined {
  const folder = join(stateDir, 'session-sqlite-migration-runs')
  const record = namesIn(folder).find((name) => name.endsWith('.json'))
  if (record === undefined) return undefined
  const text = readFileSync(join(folder, record), 'utf8')
  return {
    isInDatabase: text.includes('"validationBeforeArchive": "passed"'),
    isComplete: text.includes('"completedAt"'),
  }
}

const archived = (stateDir: string): readonly string[] =>
  namesIn(join(stateDir, 'agents/main/session-sqlite-import-archive'))

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** By the supervisor's word. */
const isReadyBy = (stateDir: string): boolean =>
  (JSON.parse(readFileSync(join(stateDir, 'supervise/status.json'), 'utf8')) as Status).ready
