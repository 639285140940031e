/**
 * Each version: starts, its own restarts, kills, stops, others on its port and its state, damage. After each of them
 * everything that was ever said is there over RPC, the next turn sees it, and a session that nobody touched is as it was.
 */
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { textOf } from '../../../demo/model.mjs'
import { everyoneOn, identityOf, signal, stillLives, type Seen } from '../harness/census.ts'
import { main, openLab, type Lab, type Started } from '../harness/lab.ts'
import { until } from '../harness/until.ts'
import { doesNotApply, isAsked, versions, type OfVersion } from './rows.ts'
import { note } from './table.ts'

const startMs = 240_000
const bystander = 'agent:main:bystander'

for (const { version, node, store, restarts, command } of versions)
  describe.runIf(isAsked(version))(version, () => {
    let lab: Lab
    let supervisor: Started | undefined
    /** In the main session, from the first on. */
    const said: string[] = []
    let ofBystander: unknown
    let questions = 0

    const scenario = (name: OfVersion, play: () => Promise<void>): void =>
      test.runIf(doesNotApply(name, store) === undefined)(name, async () => {
        await note(version, name, 'no')
        await play()
        await note(version, name, 'yes')
      })

    /** `how` steers the model (demo/model.mjs). No question is asked twice. */
    const question = (how = ''): string => {
      questions += 1
      const mark = String(questions).padStart(3, '0')
      return `${how.replace('#', mark)} question-${mark}`.trim()
    }

    const isSupervised = (): boolean => supervisor !== undefined && identityOf(supervisor.pid) !== undefined

    /** One gateway, ready, under a supervisor. */
    const up = async (not?: Seen): Promise<Seen> => {
      if (!isSupervised()) supervisor = lab.start('supervise')
      const gateway = await lab.ready(startMs, not)
      if (ofBystander === undefined) {
        const first = question()
        await lab.turnAtLast(first)
        said.push(first)
        await lab.turnAtLast(question(), bystander)
        ofBystander = await lab.history(bystander)
      }
      return gateway
    }

    const stop = async (): Promise<void> => {
      if (supervisor === undefined || !isSupervised()) return
      process.kill(supervisor.pid, 'SIGTERM')
      expect(await supervisor.ended).toEqual({ code: 0, signal: null })
      expect(lab.gateways()).toEqual([])
    }

    /** The whole of what a user cares for. */
    const expectAllThere = async (): Promise<void> => {
      const next = question()
      await lab.turnAtLast(next)
      const shown = (await lab.history()).map(({ text }) => text).join('\n')
      const { messages } = await lab.model.request(({ prompt }) => prompt.includes(next), 60_000, next)
      const context = messages.map(({ content }) => textOf(content)).join('\n')
      for (const earlier of said) {
        expect(shown, 'the history over RPC').toContain(earlier)
        expect(context, 'what the next turn sees').toContain(earlier)
      }
      said.push(next)
      expect(await lab.history(bystander)).toEqual(ofBystander)
      expect(await lab.sessions()).toEqual([bystander, main])
    }

    /** A turn that is under way when `then` is played. */
    const inATurn = async (how: string, then: () => Promise<void>): Promise<void> => {
      const cut = question(how)
      const turn = lab.turn(cut).catch(() => undefined)
      await lab.model.request(({ prompt }) => prompt.includes(cut), 60_000, cut)
      await then()
      await turn
      said.push(cut)
    }

    const kill = async (gateway: Seen): Promise<void> => {
      signal(gateway, 'SIGKILL')
      await until('it is gone', 30_000, () => !stillLives(gateway))
    }

    const expectRestart = async (before: Seen, ask: () => unknown): Promise<void> => {
      let most = 0
      const census = setInterval(() => (most = Math.max(most, lab.gateways().length)), 20)
      try {
        ask()
        await until('the gateway left', startMs, () => !stillLives(before))
        await lab.ready(startMs, before)
      } finally {
        clearInterval(census)
      }
      expect(most).toBe(1)
      const { budgets, lastExit } = await lab.status()
      expect(budgets.crashes.spent).toBe(0)
      expect(lastExit).toMatchObject({ why: 'gateway-asked', wasReady: true })
      await expectAllThere()
    }

    beforeAll(async () => {
      lab = await openLab(version, node, {}, 'same as the gateway')
    })
    afterAll(async () => await lab?.close())

    scenario('start to ready', async () => {
      await up()
      await expectAllThere()
      const { state, child } = await lab.status()
      expect(child?.version).toBe(version)
      expect(state?.verdict).toBe('consistent')
    })

    scenario('its own restart', async () => {
      const before = await up()
      // In its first seconds after ready a gateway would collide with itself; a turn takes longer than they do.
      await expectAllThere()
      await expectRestart(before, () => signal(before, restarts))
    })

    // In a shell beside the supervisor, which knows nothing of it.
    scenario('openclaw gateway restart', async () => {
      const before = await up()
      await expectAllThere()
      if (command === 'finds nothing') {
        const told = await lab.cli('gateway', 'restart')
        expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('Gateway service disabled.') })
        expect(lab.gateways()).toEqual([before])
        await expectAllThere()
        return
      }
      let told: ReturnType<Lab['cli']> | undefined
      await expectRestart(before, () => (told = lab.cli('gateway', 'restart')))
      expect(await told).toMatchObject({ code: 0 })
    })

    scenario('configuration edited', async () => {
      const before = await up()
      await expectAllThere()
      await expectRestart(before, () => {
        const path = join(lab.place.stateDir, 'openclaw.json')
        const config = JSON.parse(readFileSync(path, 'utf8')) as { gateway: object }
        const gateway = { ...config.gateway, controlUi: { basePath: `/at-${questions}` } }
        writeFileSync(path, `${JSON.stringify({ ...config, gateway }, null, 2)}\n`)
      })
    })

    scenario('killed idle', async () => {
      const before = await up()
      await kill(before)
      await up(before)
      await expectAllThere()
    })

    scenario('killed in a turn', async () => {
      const before = await up()
      await inATurn('hold:h#', () => kill(before))
      await up(before)
      await expectAllThere()
    })

    scenario('killed, model slow', async () => {
      const before = await up()
      await inATurn('slow:60#', async () => {
        expect(stillLives(before)).toBe(true)
        await kill(before)
      })
      await up(before)
      await expectAllThere()
    })

    scenario('killed, model failing', async () => {
      const before = await up()
      lab.model.failing(true)
      try {
        await inATurn('', () => kill(before))
        await up(before)
      } finally {
        lab.model.failing(false)
      }
      await expectAllThere()
    })

    scenario('stopped in a turn', async () => {
      await up()
      await inATurn('hold:h#', async () => {
        process.kill(supervisor!.pid, 'SIGTERM')
        await until('it drains, or has stopped', 30_000, async () =>
          ['stopping', 'stopped'].includes((await lab.status()).phase),
        )
        lab.model.release()
        expect(await supervisor!.ended).toEqual({ code: 0, signal: null })
      })
      expect(lab.gateways()).toEqual([])
      await up()
      await expectAllThere()
    })

    scenario('stranger on the port', async () => {
      await stop()
      const stranger = await listen('127.0.0.1', lab.place.port)
      onTestFinished(stranger.close)
      const before = census(lab.place.stateDir)
      const refused = lab.start('supervise')
      expect(await refused.ended).toEqual({ code: 69, signal: null })
      expect(refused.said()).toContain(`port ${lab.place.port} on 127.0.0.1 is held by`)
      expect(census(lab.place.stateDir)).toEqual(before)
      await stranger.close()
      await up()
      await expectAllThere()
    })

    scenario('stranger on ::1', async () => {
      await stop()
      const stranger = await listen('::1', lab.place.port)
      onTestFinished(stranger.close)
      await up()
      expect(supervisor?.said()).toContain('the gateway will serve IPv4 only')
      await expectAllThere()
      await stop()
    })

    scenario('second owner', async () => {
      const first = await up()
      const second = await lab.supervise('run', '--', lab.node, lab.openclaw.entry, 'gateway', 'run')
      expect(second.code).toBe(69)
      expect(lab.gateways()).toEqual([first])
      await expectAllThere()
      await stop()

      // One that a person started by hand is left alone, too.
      const byHand = lab.start('nobody')
      const alone = await lab.ready(startMs)
      const refused = await lab.supervise('run', '--', lab.node, lab.openclaw.entry, 'gateway', 'run')
      expect(refused.code).toBe(69)
      expect(refused.stderr + refused.stdout).toContain(String(alone.pid))
      expect(lab.gateways()).toEqual([alone])
      await expectAllThere()
      signal(alone, 'SIGTERM')
      await byHand.ended
    })

    scenario('nothing else changed', async () => {
      const gateway = await up()
      const ours = identityOf(supervisor!.pid)!
      signal(ours, 'SIGKILL')
      await kill(gateway)
      await until('nobody is left', 30_000, () => everyoneOn(lab.place.stateDir).length === 0)
      const before = census(lab.place.stateDir)
      const { stdout } = await lab.supervise('repair', '--json')
      const repair = JSON.parse(stdout) as {
        is: string
        repairId: string | null
        kept: { path: string }[]
      }
      expect(repair.is).toMatch(/^(consistent|repaired)$/)
      // What is not said to have been replaced is the same, to the byte and the mode.
      const after = census(lab.place.stateDir)
      const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
        (path) => before[path] !== after[path],
      )
      expect(repair.kept.map(({ path }) => path)).toEqual(expect.arrayContaining(changed))
      if (repair.repairId !== null) {
        expect((await lab.supervise('undo', repair.repairId)).code).toBe(0)
        expect(census(lab.place.stateDir)).toEqual(before)
      }
      await up()
      await expectAllThere()
    })

    /** Of a stopped gateway whose state was seen to be consistent. */
    const expectMended = async (damage: () => void, finding: string): Promise<void> => {
      await up()
      await stop()
      expect((await lab.supervise('repair')).code).toBe(0)
      damage()
      await up()
      expect(supervisor?.said()).toContain(finding)
      await expectAllThere()
    }
    const ofAgent = (): string => join(lab.place.stateDir, 'agents/main/agent/openclaw-agent.sqlite')
    const ofState = (): string => join(lab.place.stateDir, 'state/openclaw.sqlite')

    scenario('index emptied', () =>
      expectMended(() => truncateSync(join(lab.sessionsDir, 'sessions.json')), 'index-unreadable'),
    )

    scenario('transcripts torn', () =>
      expectMended(() => {
        const of = (key: string): string => join(lab.sessionsDir, `${lab.entry(key)?.sessionId}.jsonl`)
        const before = [main, bystander].map((key) => ({ path: of(key), ...timesOf(of(key)) }))
        truncateSync(of(main), statSync(of(main)).size - 1)
        appendFileSync(of(bystander), '{"type":"message","id":"0badcafe","parentId":"')
        // What a crash tears was written before it: a later time means to 2026.6.11 that the entry is lost.
        for (const { path, atime, mtime } of before) utimesSync(path, atime, mtime)
      }, 'transcript-no-final-newline'),
    )

    scenario('database emptied', () => expectMended(() => truncateSync(ofAgent()), 'db-empty-or-missing'))

    scenario('databases torn', () =>
      expectMended(() => {
        for (const path of [ofAgent(), ofState()]) truncateSync(path, statSync(path).size / 2)
      }, 'db-corrupt'),
    )

    scenario('consistent at the end', async () => {
      await up()
      await expectAllThere()
      await stop()
      const { stdout, code } = await lab.supervise('check', '--thorough', '--json')
      expect(JSON.parse(stdout)).toMatchObject({ store, verdict: 'consistent', gatewayRunning: false })
      expect(code).toBe(0)
      expect(readdirSync(lab.place.stateDir)).toContain('supervise')
    })
  })

const timesOf = (path: string): { readonly atime: Date; readonly mtime: Date } => {
  const { atime, mtime } = statSync(path)
  return { atime, mtime }
}

/** Every file of the gateway's, with its mode and what is in it. */
const census = (stateDir: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(stateDir, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name))
      .filter((path) => !path.startsWith(join(stateDir, 'supervise/')))
      .map((path) => [
        path,
        `${(statSync(path).mode & 0o7777).toString(8)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`,
      ]),
  )

const listen = (host: string, port: number): Promise<{ readonly close: () => Promise<void> }> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen(port, host, () =>
      resolve({ close: () => new Promise((done) => void server.close(() => done())) }),
    )
  })
