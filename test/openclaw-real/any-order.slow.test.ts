/**
 * A real gateway in use, and everything that happens to it, in an order drawn from a seed: turns, its own restarts, ours,
 * kills of either or both in the middle of a turn, stops in the middle of a turn, and damage between two lives. After
 * each of them it gets ready (where it is held: after the command that was told), and every answered turn is in the
 * history; at the end nobody is left, and the state is consistent.
 *
 * By hand, any version, order and length:
 *   SUPERVISE_TEST_VERSION=2026.7.35 SUPERVISE_TEST_SEED=3 SUPERVISE_TEST_ROUNDS=80 \
 *     npx vitest run --config vitest.slow.config.ts test/openclaw-real/any-order.slow.test.ts
 */
import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { random } from '../fuzz/random.ts'
import { everyoneOn, identityOf, signal, type Seen } from './harness/census.ts'
import { openLab, type Started } from './harness/lab.ts'
import { Hopeless, until } from './harness/until.ts'

const asked = process.env['SUPERVISE_TEST_VERSION']
const seed = Number(process.env['SUPERVISE_TEST_SEED'] ?? 11)
const rounds = Number(process.env['SUPERVISE_TEST_ROUNDS'] ?? 0)
const startMs = 240_000
const keys = ['agent:main:main', 'agent:main:second', 'agent:main:third']

const versions = [
  { version: '2026.4.26', rows: false, fewest: 20 },
  { version: '2026.9.6', rows: true, fewest: 8 },
]
const chosen =
  asked === undefined
    ? versions
    : [{ version: asked, rows: /^2026\.(?:[89]|\d\d)\./.test(asked), fewest: 20 }]

test.each(chosen)(
  '$version: whatever happens, in any order, no answered turn is forgotten',
  async ({ version, rows, fewest }) => {
    const lab = await openLab(version, 24, {}, 'same as the gateway')
    const draw = random(seed)
    const pick = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)]!
    const answered = new Map<string, string[]>(keys.map((key) => [key, []]))
    let supervisor: Started
    let said = 0

    const start = (): void => {
      supervisor = lab.start('supervise', { SUPERVISE_HAND_OFF: pick(['read', 'consume']) })
    }
    const killSupervisor = async (): Promise<void> => {
      signal(identityOf(supervisor.pid)!, 'SIGKILL')
      await supervisor.ended
    }
    const stop = async (): Promise<void> => {
      signal(identityOf(supervisor.pid)!, 'SIGTERM')
      expect(await supervisor.ended, supervisor.said().slice(-3000)).toEqual({ code: 0, signal: null })
    }
    const kill = (name: NodeJS.Signals): void => {
      const [gateway] = lab.gateways()
      if (gateway !== undefined) signal(gateway, name)
    }
    const turn = async (key = pick(keys)): Promise<void> => {
      const message = `question ${++said}.`
      await lab.turnAtLast(message, key)
      answered.get(key)!.push(message)
    }
    /** Perhaps it is answered all the same, before or by the next gateway; then it counts. */
    const inATurn = async (then: () => void | Promise<void>): Promise<void> => {
      const [key, message] = [pick(keys), `slow:${Math.floor(draw() * 2000)} question ${++said}.`]
      void lab.turn(message, key).then(
        () => answered.get(key)!.push(message),
        () => {},
      )
      // Refused, perhaps, while a turn that was cut off before is resumed.
      const isAsked = lab.model.request(({ prompt }) => prompt.includes(message), 15_000, message)
      await isAsked.catch(() => {})
      await then()
    }
    const restart = async (): Promise<void> => {
      const [before] = lab.gateways()
      kill(rows ? 'SIGUSR2' : 'SIGUSR1')
      // Perhaps much later: up to 2026.7 as soon as no turn is under way.
      await until('it left', 15_000, () => before === undefined || !stillHere(before)).catch(() => {})
    }
    const stillHere = (seen: Seen): boolean => identityOf(seen.pid)?.startTicks === seen.startTicks

    const store = join(lab.place.stateDir, 'agents/main/agent/openclaw-agent.sqlite')
    const [index, config] = [
      join(lab.sessionsDir, 'sessions.json'),
      join(lab.place.stateDir, 'openclaw.json'),
    ]
    const tear = (path: string): void => truncateSync(path, Math.floor(statSync(path).size * draw()))
    const aTranscript = (): string | undefined => {
      const names = readdirSync(lab.sessionsDir).filter((name) => /^[0-9a-f-]{36}\.jsonl$/.test(name))
      return names.length === 0 ? undefined : join(lab.sessionsDir, pick(names.toSorted()))
    }
    const damagesOfRows: Record<string, () => void> = {
      'a database emptied': () => truncateSync(store),
      'a database gone': () => rmSync(store),
      'a database torn': () => tear(store),
      'the control plane torn': () => tear(join(lab.place.stateDir, 'state/openclaw.sqlite')),
      'noise in a database': () => {
        const bytes = readFileSync(store)
        const from = Math.floor(bytes.length * draw())
        writeFileSync(store, bytes.fill(0x55, from, from + Math.floor(20_000 * draw())))
      },
      'the configuration torn': () => tear(config),
    }
    const damagesOfFiles: Record<string, () => void> = {
      'the index gone': () => rmSync(index, { force: true }),
      'the index torn': () => tear(index),
      'the index emptied': () => writeFileSync(index, '{}'),
      'a torn line': () => {
        const path = aTranscript()
        if (path !== undefined) appendFileSync(path, '{"type":"message","id":"abcd')
      },
      'a transcript archived': () => {
        const path = aTranscript()
        if (path !== undefined) renameSync(path, `${path}.deleted.2026-11-22T11-00-00.000Z`)
      },
      'a write that was cut off': () => {
        copyFileSync(index, `${index}.6f0b52b6-7d0c-4c52-9b4e-2a4f1f0b8f5d.tmp`)
        tear(`${index}.6f0b52b6-7d0c-4c52-9b4e-2a4f1f0b8f5d.tmp`)
      },
      'the configuration torn': () => tear(config),
    }
    const damages = rows ? damagesOfRows : damagesOfFiles
    const damage = (): string => {
      const name = pick(Object.keys(damages))
      damages[name]!()
      return name
    }
    const actions: Record<string, () => Promise<string | void> | void> = {
      'a turn': () => turn(),
      'four turns': async () => {
        for (let turns = 0; turns < 4; turns++) await turn()
      },
      'kill -9': () => kill('SIGKILL'),
      'kill -9 in a turn': () => inATurn(() => kill('SIGKILL')),
      'a restart of its own': restart,
      'a restart of its own in a turn': () => inATurn(restart),
      '`supervise restart`': async () => void (await lab.supervise('restart')),
      'kill -9 of the supervisor': async () => {
        await killSupervisor()
        start()
      },
      'kill -9 of both in a turn': () =>
        inATurn(async () => {
          const killed = killSupervisor()
          kill('SIGKILL')
          await killed
          start()
        }),
      'a stop in a turn': () =>
        inATurn(async () => {
          await stop()
          start()
        }),
      'damage after a stop': async () => {
        await stop()
        const name = damage()
        start()
        return name
      },
      // A database of which no snapshot was taken since has lost what was said since.
      'damage after kill -9 of both': async () => {
        const killed = killSupervisor()
        kill('SIGKILL')
        await killed
        const name = rows ? undefined : damage()
        start()
        return name
      },
    }
    /** One gateway, ready; where it is held, the command that was told leads there. */
    const up = async (): Promise<string> => {
      for (let tries = 0; ; tries++)
        try {
          await until('the one gateway is ready by the word of its supervisor', startMs, async () => {
            if (identityOf(supervisor.pid) === undefined) throw new Hopeless(supervisor.said().slice(-3000))
            const { ready, child, supervisor: ours } = await lab.status()
            const [one, ...more] = lab.gateways()
            return ready && ours?.pid === supervisor.pid && child?.pid === one?.pid && more.length === 0
          })
          return tries === 0 ? '' : ', as told'
        } catch (error) {
          if (tries > 0 || identityOf(supervisor.pid) !== undefined) throw error
          expect((await supervisor.ended).code, supervisor.said().slice(-3000)).toBe(65)
          const { hold } = await lab.status()
          const [, ...words] = hold!.command!.split(' ')
          const mended = await lab.supervise(...words)
          expect(mended.code, `${hold!.command}: ${mended.stdout}${mended.stderr}`).toBe(0)
          start()
        }
    }

    const done: string[] = []
    try {
      start()
      await up()
      for (const key of keys) await turn(key)
      for (let round = 0; round < (rounds || fewest); round++) {
        const name = pick(Object.keys(actions))
        const more = await actions[name]!()
        const how = await up().catch(async (error: unknown) => {
          const seen = `${(await lab.supervise('status')).stdout}\n${supervisor.said().slice(-4000)}`
          throw new Error(`${name}, after ${done.join('; ')}\n${seen}`, { cause: error })
        })
        done.push(`${name}${typeof more === 'string' ? ` (${more})` : ''}${how}`)
        if (rounds > 0) console.log(done.at(-1))
        for (const [key, messages] of answered) {
          if (messages.length === 0) continue
          // It may be about to restart, and end the connection.
          const missing = await until('an answer', startMs, async () => {
            const history = (await lab.history(key)).filter(({ role }) => role === 'user')
            return messages.filter((message) => !history.some(({ text }) => text.includes(message)))
          })
          expect(missing, `${key}, after ${done.join('; ')}\n${supervisor!.said().slice(-4000)}`).toEqual([])
        }
        expect(lab.gateways(), done.join('; ')).toHaveLength(1)
      }
      await stop()
      expect(everyoneOn(lab.place.stateDir)).toEqual([])
      const check = await lab.supervise('check', '--thorough')
      expect(check.code, check.stdout).toBe(0)
      const turns = [...answered.values()].reduce((sum, list) => sum + list.length, 0)
      console.log(
        `${version}, seed ${seed}: ${done.length} rounds, ${turns} answered turns: ${done.join('; ')}`,
      )
      expect(turns).toBeGreaterThan(0)
    } finally {
      await lab.close()
    }
  },
  4 * 3_600_000,
)
