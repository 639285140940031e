/**
 * With --hand-off=consume: the hand-off of a gateway that ended is taken by OpenClaw's own command, before anybody else
 * begins to work on the state, and for no longer than it is good for. Nothing hangs on the answer but what is told: an
 * exit 0 that nobody here asked for is followed by a start in any case (ARCHITECTURE.md).
 */
import { startChild, type Child } from '../host/child.ts'
import { systemClock as clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import {
  consume,
  consumedOf,
  handOffArguments,
  handOffMs,
  whyNotOffered,
  type Consumed,
  type Question,
} from '../openclaw/hand-off.ts'
import type { LastWords } from '../openclaw/last-words.ts'
import type { LastWordsRead } from './last-words.ts'
import type { Settings } from './settings.ts'
import type { StateLock } from './state-lock.ts'

export interface EndedLife {
  readonly pids: readonly number[]
  /** Of the package that it was started from. */
  readonly version: string | null
  readonly env: Readonly<Record<string, string>>
  /** It is asked for, which can take a minute: what is told of the gateway has to say that it is gone. */
  readonly asking: () => void
  /** False as soon as somebody wants an end of everything. */
  readonly isWanted: () => boolean
}

export interface HandOffs {
  /** The words, with what became of the hand-off. */
  take(read: LastWordsRead, life: EndedLife): Promise<LastWords>
  /** Of what is asked just now, if anything is. */
  end(signal: 'SIGTERM' | 'SIGKILL'): void
}

type Refused = Extract<Consumed, { is: 'refused' }>
type Printed = { readonly is: 'printed'; readonly text: string } | Refused

const answerBytes = 64 * 1024
/** What was killed is gone by then. */
const goneMs = 2_000

const refused = (why: string): Refused => ({ is: 'refused', why })

export function openHandOffs({ command, installed }: Settings, lock: StateLock, log: Log): HandOffs {
  let asked: Child | undefined
  /** What is offered, by which version. */
  let known: { readonly version: string | null; readonly whyNot: string | null } | undefined

  const ask = async (question: Question, { env, isWanted }: EndedLife, untilMs: number): Promise<Printed> => {
    const args = handOffArguments(command.args, question)
    if (args === null) return refused("the gateway's command does not tell how to ask OpenClaw")
    const limitMs = Math.min(untilMs - clock.wallMs(), handOffMs)
    if (limitMs <= 0) return refused('it had expired')
    const child = await startChild({ ...command, args, env, lockFd: lock.fd(), readUpTo: answerBytes })
    if (child.is === 'failed') return refused(child.why)
    asked = child
    if (!isWanted()) child.kill('SIGTERM')
    let isLate = false
    const late = new Promise<string>((settle) => {
      const forget = clock.after(limitMs, () => {
        isLate = true
        child.kill('SIGKILL')
        void clock.after(goneMs, () => settle(''))
      })
      void child.exited.then(forget)
    })
    // Whoever holds its output open, out of its group, is not waited for.
    const text = await Promise.race([child.printed, late])
    if (child.remaining().length > 0) child.kill('SIGKILL')
    asked = undefined
    if (!isWanted()) return refused('an order ended the question')
    if (isLate) return refused('no answer for as long as it is good')
    const exit = await child.exited
    // What it says of itself another time is another matter.
    return exit.by === 'signal' ? refused(`the command was ended by ${exit.signal}`) : { is: 'printed', text }
  }
  const consumed = async (pid: number, untilMs: number, life: EndedLife): Promise<Consumed> => {
    const { version } = life
    // It would begin to change what the gateway of that version left.
    if ((installed()?.version ?? null) !== version) return refused('another OpenClaw is installed by now')
    if (known?.version !== version) {
      const offer = await ask(['capabilities'], life, untilMs)
      if (offer.is === 'refused') return offer
      known = { version, whyNot: whyNotOffered(offer.text) }
    }
    if (known.whyNot !== null) return refused(known.whyNot)
    const answer = await ask(consume(pid), life, untilMs)
    return answer.is === 'refused' ? answer : consumedOf(answer.text)
  }
  return {
    async take({ words, isAllRead }, life) {
      const left = words.is === 'restart' ? words.handOff : null
      const pid = left?.pid ?? life.pids.at(-1)
      if ((left === null && isAllRead) || pid === undefined) return words
      log.info("asking OpenClaw's own command for the gateway's hand-off", { pid })
      life.asking()
      const answer = await consumed(pid, left?.untilMs ?? clock.wallMs() + handOffMs, life)
      if (answer.is === 'accepted') {
        const why = words.why ?? answer.reason ?? 'no reason given'
        return { is: 'restart', why: `${why} (its hand-off was taken)`, handOff: null }
      }
      const told = `its hand-off was not taken: ${answer.why}`
      return { ...words, why: words.why === null ? told : `${words.why} (${told})` }
    },
    end(signal) {
      asked?.kill(signal)
    },
  }
}
