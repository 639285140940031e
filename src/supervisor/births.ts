/** How a child comes into the world: the debt first, then the process, then its name on everything that is told. */
import { systemClock as clock } from '../host/clock.ts'
import type { Orphans } from '../host/orphans.ts'
import { eraOf, hasWorkOfItsOwn } from '../openclaw/era.ts'
import { meaningOf } from '../openclaw/exits.ts'
import { isMendedSince } from '../recovery/repairs.ts'
import { causeSince } from './cause.ts'
import type { Debt } from './debt.ts'
import { serves, startGateway, type ReadinessSeen } from './gateway.ts'
import type { Http } from './http.ts'
import { openHandOffs } from './hand-off.ts'
import { lastWordsFrom } from './last-words.ts'
import type { Spawned, World } from './loop.ts'
import type { Settings } from './settings.ts'
import type { StateLock } from './state-lock.ts'
import type { LastEnd, Teller } from './teller.ts'
import { siteOn } from './this-machine.ts'
import { watchGenerations } from './watch-generations.ts'

export interface Births {
  readonly spawn: World['spawn']
  lastEnd(): LastEnd
}

export interface Around {
  readonly lock: StateLock
  readonly orphans: Orphans | undefined
  readonly debt: Debt
  readonly teller: Teller
  readonly http: Http
}

const goneAndAsked: ReadinessSeen = {
  is: 'silent',
  evidence: "it has ended, and OpenClaw's own command is asked for its hand-off",
  failing: [],
  suppressed: [],
}

export function openBirths(settings: Settings, { lock, orphans, debt, teller, http }: Around): Births {
  const { log } = teller
  let lastEnd: LastEnd = { wasReady: false, leftBehind: [] }
  const handOffs = openHandOffs(settings, lock, log)
  const site = siteOn({ ...settings, installed: settings.installed(), policy: settings.recovery })
  const generations = watchGenerations(site, log)

  const spawn: World['spawn'] = async (number, tellLoop): Promise<Spawned> => {
    const installed = settings.installed()
    const version = installed?.version ?? null
    const { state, lastReady } = teller.status()
    const store = state?.store ?? null
    const earlier = lastReady?.version ?? state?.version ?? null
    const isMended = await isMendedSince(site, lastReady === null ? null : Date.parse(lastReady.at))
    const run = crypto.randomUUID()
    try {
      await debt.incur(run, version)
    } catch (error) {
      const why = `cannot mark that recovery is owed: ${(error as Error).message}`
      return { is: 'failed', why, canPass: true }
    }
    if (version !== null && earlier !== null && version !== earlier) {
      log.info('another OpenClaw than the one that last worked here', { from: earlier, to: version })
      teller.record({ event: 'updated', child: number, from: earlier, to: version })
    }
    let wasSeenServing = false
    const spawnedAt = clock.monotonicMs()
    const spawnedAtWall = clock.wallMs()
    const listening = settings.listening()
    const era = eraOf(installed, store)
    const gateway = await startGateway(
      { ...settings, ...listening },
      {
        clock,
        log,
        lockFd: lock.fd(),
        era,
        hasWorkOfItsOwn: hasWorkOfItsOwn(installed, earlier, store, isMended),
        run,
        orphans,
        probed: (probe, ms) => {
          http.tell({ is: 'probe', probe, ms })
          if (probe === 'liveness') generations.look()
        },
        seen: (readiness) => {
          if (serves(readiness) && !wasSeenServing) {
            wasSeenServing = true
            teller.record({
              event: 'ready',
              child: number,
              afterMs: Math.round(clock.monotonicMs() - spawnedAt),
            })
            generations.gotReady()
            teller.publish({ lastReady: { at: new Date(clock.wallMs()).toISOString(), version } })
          }
          teller.seen(readiness)
        },
      },
      tellLoop,
    )
    if (gateway.is === 'failed') return gateway
    const { identity } = gateway
    teller.publish({
      child: { ...identity, number, startedAt: new Date(spawnedAtWall).toISOString(), version },
      place: { ...teller.status().place, port: listening.port },
    })
    teller.record({ event: 'started', child: number, pid: identity.pid, version })
    log.info('gateway started', { pid: identity.pid, version })
    await debt.name(identity, run, version)
    let isToldToEnd = false
    const ended = gateway.ended.then(async ({ exit, wasReady, pids, leftBehind }) => {
      lastEnd = { wasReady, leftBehind }
      const isZero = exit.by === 'code' && exit.code === 0
      const life = { pids, sinceMs: spawnedAtWall }
      const read = await lastWordsFrom(settings.stateDir, life, clock.wallMs())
      const { quietMs } = read
      const isAsked = isZero && settings.handOff === 'consume' && !isToldToEnd
      if (isAsked) await debt.name(null, run, version)
      const words = isAsked
        ? await handOffs.take(read, {
            pids,
            version,
            env: listening.environment(era, run),
            asking: () => teller.seen(goneAndAsked),
            isWanted: () => !isToldToEnd,
          })
        : read.words
      const said = isZero && words.is !== 'nothing' ? `${words.is}: ${words.why}` : words.why
      const needsNoCause = isZero && (wasReady || said !== null)
      const cause = needsNoCause ? said : causeSince(spawnedAtWall, listening.gatewayLog)
      return { exit, meaning: meaningOf(exit, wasReady, cause, words.is), cause, quietMs }
    })
    return {
      is: 'started',
      ended,
      kill(signal) {
        isToldToEnd = true
        gateway.kill(signal)
        handOffs.end(signal)
      },
    }
  }
  return { spawn, lastEnd: () => lastEnd }
}
