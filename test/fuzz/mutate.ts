/**
 * One change of a state, as data: an operation and five numbers.  What a number picks is decided when the change is
 * made, by what is there then, so that a list of changes stays one when some of them are left out (shrinking).
 */
import { STATE } from '../recovery/bench.ts'
import type { State, Thing } from './state.ts'

export interface Mutation {
  readonly do: keyof typeof operations
  /** Each from 0 to 1. */
  readonly by: readonly number[]
}

type Pick = (by: number) => string
interface Hand {
  readonly state: State
  /** A file that is there. */
  readonly file: Pick
  /** Anything that is there. */
  readonly any: Pick
  /** A name that a file of the gateway's could have, there or not. */
  readonly name: Pick
}

const at = <T>(list: readonly T[], by: number): T =>
  list[Math.min(list.length - 1, Math.floor(by * list.length))]!

const A = '11111111-1111-4111-8111-111111111111'
const words = [
  'null',
  '{}',
  '[]',
  '""',
  '\ufeff',
  '\u0000',
  '\n',
  '\r\n',
  '}',
  '{',
  '"',
  ',',
  '\\',
  '\u001b[2J',
  '\u2028',
  '"__proto__":{"sessionId":"x"},',
  '"constructor":1,',
  '1e999',
  '-0',
  '9'.repeat(40),
  '\ud83e',
  'é',
  '{"type":"session"}',
  '{"type":"session","version":3,"id":"x","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}\n',
  '{"type":"message","id":"ffffffff","parentId":"nowhere","timestamp":"2026-11-22T09:00:00.000Z","message":{"role":"user","content":"stray"}}\n',
  '{"type":"message","id":"aaaaaaa4","parentId":"aaaaaaa4","message":{"role":"user","content":"its own parent"}}\n',
  '../../../../etc/passwd',
  '/outside/agents/main/sessions/x.jsonl',
  `${STATE}/agents/main/sessions/`,
  A,
  '"status":"running",',
  '"abortedLastRun":true,',
  '"endedAt":1,',
  '"totalTokens":5,',
  '"sessionFile":"",',
] as const

const suffixes = [
  '',
  '.lock',
  '.tmp',
  '.deleted.2026-11-22T10-00-00.000Z',
  '.reset.2026-11-22T10-00-00.000Z',
  '.bak.2026-11-22T10-00-00.000Z',
  '.bak-12-1700000000000',
  '.deleted.9999-99-99T99-99-99Z',
  '.deleted.2026-11-22T11-00-00.000Z',
] as const

const named = [
  'sessions.json',
  'sessions.json.lock',
  `sessions.json.${A}.tmp`,
  'sessions.json.bak.1700000000000',
  'sessions.json.bak.1',
  `${A}.jsonl`,
  `${A}.jsonl.lock`,
  `${A}.trajectory.jsonl`,
  `${A}.trajectory-path.json`,
  `${A}.checkpoint.${A}.jsonl`,
  `${A}-topic-5.jsonl`,
  `2026-11-22T09-00-00-000Z_${A}.jsonl`,
  'new\nline.jsonl',
  'es\u001b[31mcape.jsonl',
  '.jsonl',
  'con trol\u0007.trajectory-path.json',
  '..jsonl',
  '__proto__.jsonl',
  '.supervise-20261122T000000Z-aaaa-0.tmp',
  'notes.txt',
  '-rf.jsonl',
  `${'n'.repeat(240)}.jsonl`,
] as const

const tops = [
  'openclaw.json',
  'openclaw.json.last-good',
  'gateway-restart-intent.json',
  'devices/paired.json',
  'devices/pending.json',
  'restart-sentinel.json',
  'notes',
] as const

const lockTexts = [
  '',
  '{',
  '{"pid":4242,"createdAt":"2026-11-22T13:14:00.000Z"}',
  '{"pid":1,"createdAt":"2026-11-22T13:14:00.000Z","starttime":7}',
  '{"pid":-1}',
  '{"pid":4242,"createdAt":"2026-11-22T13:14:00.000Z","starttime":6}',
  '[]',
  'null',
] as const

const bytesOf = (state: State, path: string): Buffer | undefined => {
  const thing = state.get(path)
  return thing?.is === 'file' ? thing.bytes : undefined
}

function content(hand: Hand, path: string, change: (bytes: Buffer) => Buffer): void {
  const thing = hand.state.get(path)
  if (thing?.is === 'file') hand.state.set(path, { ...thing, bytes: change(thing.bytes) })
}

const splice = (bytes: Buffer, from: number, to: number, put: Uint8Array | string): Buffer =>
  Buffer.concat([bytes.subarray(0, from), Buffer.from(put as string), bytes.subarray(to)])

/** Short as often as long: damage of a few bytes and of whole pages. */
const length = (by: number, most: number): number =>
  Math.min(most, Math.ceil(2 ** (by * Math.log2(most + 1))) - 1)

const linesIn = (bytes: Buffer): string[] => bytes.toString('latin1').split(/(?<=\n)/)

function lines(hand: Hand, path: string, change: (lines: string[]) => void): void {
  content(hand, path, (bytes) => {
    const list = linesIn(bytes)
    change(list)
    return Buffer.from(list.join(''), 'latin1')
  })
}

/** A name is free for a file: nothing stands there, and its directory is one. */
/** What no file system takes, nobody can have put there. */
const mostNameBytes = 255

function put(hand: Hand, path: string, thing: Thing): void {
  if (Buffer.byteLength(path.slice(path.lastIndexOf('/') + 1)) > mostNameBytes) return
  // What is below a directory goes with it, when it becomes something else.
  for (const other of hand.state.keys()) if (other.startsWith(`${path}/`)) hand.state.delete(other)
  for (let up = path.lastIndexOf('/'); up > STATE.length; up = path.lastIndexOf('/', up - 1)) {
    const above = path.slice(0, up)
    if (hand.state.has(above)) hand.state.delete(above)
  }
  hand.state.set(path, thing)
}

const file = (bytes: Buffer | string): Thing => ({
  is: 'file',
  bytes: Buffer.from(bytes as string),
  mode: 0o600,
})

export const operations = {
  'overwrite bytes': (hand: Hand, [which, where, much, what]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) => {
      const from = Math.floor(where! * bytes.length)
      const many = length(much!, bytes.length - from)
      return splice(bytes, from, from + many, Buffer.alloc(many, Math.floor(what! * 256)))
    }),
  'put a word': (hand: Hand, [which, where, much, what]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) => {
      const from = Math.floor(where! * bytes.length)
      return splice(bytes, from, from + Math.floor(much! * 4), at(words, what!))
    }),
  'put a word between tokens': (hand: Hand, [which, where, , what]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) => {
      const places = [...bytes.toString('latin1').matchAll(/[,:{\n]/g)].map(({ index }) => index + 1)
      return places.length === 0
        ? bytes
        : splice(bytes, at(places, where!), at(places, where!), at(words, what!))
    }),
  'flip a bit': (hand: Hand, [which, where, much]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) => {
      const from = Math.floor(where! * bytes.length)
      return from >= bytes.length
        ? bytes
        : splice(bytes, from, from + 1, Buffer.of(bytes[from]! ^ (1 << Math.floor(much! * 8))))
    }),
  truncate: (hand: Hand, [which, where]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) => bytes.subarray(0, Math.floor(where! * bytes.length))),
  'truncate near the end': (hand: Hand, [which, where]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) =>
      bytes.subarray(0, Math.max(0, bytes.length - 1 - length(where!, 200))),
    ),
  empty: (hand: Hand, [which]: readonly number[]) => content(hand, hand.file(which!), () => Buffer.alloc(0)),
  'extend with NUL': (hand: Hand, [which, , much]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) =>
      Buffer.concat([bytes, Buffer.alloc(1 + length(much!, 5_000))]),
    ),
  'extend with what it begins with': (hand: Hand, [which, where]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) =>
      Buffer.concat([bytes, bytes.subarray(0, Math.floor(where! * bytes.length))]),
    ),
  'zero a range': (hand: Hand, [which, where, much]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) => {
      const from = Math.floor(where! * bytes.length)
      const many = length(much!, bytes.length - from)
      return splice(bytes, from, from + many, Buffer.alloc(many))
    }),
  'drop a range': (hand: Hand, [which, where, much]: readonly number[]) =>
    content(hand, hand.file(which!), (bytes) => {
      const from = Math.floor(where! * bytes.length)
      return splice(bytes, from, from + length(much!, bytes.length - from), '')
    }),
  'drop a line': (hand: Hand, [which, where]: readonly number[]) =>
    lines(hand, hand.file(which!), (list) => void list.splice(Math.floor(where! * list.length), 1)),
  'double a line': (hand: Hand, [which, where]: readonly number[]) =>
    lines(hand, hand.file(which!), (list) => {
      const from = Math.floor(where! * list.length)
      list.splice(from, 0, list[from] ?? '')
    }),
  'swap two lines': (hand: Hand, [which, where, with_]: readonly number[]) =>
    lines(hand, hand.file(which!), (list) => {
      const [one, other] = [Math.floor(where! * list.length), Math.floor(with_! * list.length)]
      ;[list[one], list[other]] = [list[other]!, list[one]!]
    }),
  'glue two lines': (hand: Hand, [which, where]: readonly number[]) =>
    lines(hand, hand.file(which!), (list) => {
      const from = Math.floor(where! * list.length)
      list[from] = (list[from] ?? '').replace(/\n$/, '')
    }),
  'tear a line': (hand: Hand, [which, where, much]: readonly number[]) =>
    lines(hand, hand.file(which!), (list) => {
      const from = Math.floor(where! * list.length)
      const line = list[from] ?? ''
      list[from] = `${line.slice(0, Math.floor(much! * line.length))}\n`
    }),
  delete: (hand: Hand, [which]: readonly number[]) => void hand.state.delete(hand.any(which!)),
  rename: (hand: Hand, [which, to]: readonly number[]) => {
    const from = hand.any(which!)
    const thing = hand.state.get(from)!
    hand.state.delete(from)
    put(hand, hand.name(to!), thing)
  },
  'rename to an archive or a lock': (hand: Hand, [which, to]: readonly number[]) => {
    const from = hand.file(which!)
    const thing = hand.state.get(from)
    hand.state.delete(from)
    if (thing !== undefined) put(hand, `${from}${at(suffixes, to!)}`, thing)
  },
  'swap two': (hand: Hand, [which, with_]: readonly number[]) => {
    const [one, other] = [hand.any(which!), hand.any(with_!)]
    const [first, second] = [hand.state.get(one)!, hand.state.get(other)!]
    hand.state.set(one, second)
    hand.state.set(other, first)
  },
  copy: (hand: Hand, [which, to]: readonly number[]) => {
    const thing = hand.state.get(hand.any(which!))
    if (thing !== undefined) put(hand, hand.name(to!), thing)
  },
  'copy to an archive or a lock': (hand: Hand, [which, to]: readonly number[]) => {
    const from = hand.file(which!)
    put(hand, `${from}${at(suffixes, to!)}`, hand.state.get(from) ?? file(''))
  },
  'copy over': (hand: Hand, [which, to]: readonly number[]) => {
    const bytes = bytesOf(hand.state, hand.file(which!))
    if (bytes !== undefined) content(hand, hand.file(to!), () => bytes)
  },
  'put a lock': (hand: Hand, [which, what]: readonly number[]) =>
    put(hand, `${hand.file(which!)}.lock`, file(at(lockTexts, what!))),
  'put a stray file': (hand: Hand, [to, what, much]: readonly number[]) =>
    put(hand, hand.name(to!), file(at(words, what!).repeat(1 + Math.floor(much! * 3)))),
  'put a directory': (hand: Hand, [which, to, what]: readonly number[]) => {
    const path = what! < 0.5 ? hand.any(which!) : hand.name(to!)
    put(hand, path, { is: 'directory' })
    if (what! % 0.1 < 0.05) put(hand, `${path}/inside`, file('x'))
  },
  'put a link': (hand: Hand, [which, to, where, what]: readonly number[]) => {
    const path = what! < 0.5 ? hand.any(which!) : hand.name(to!)
    const target = [
      '/outside/secret',
      '/nowhere',
      path,
      hand.any(where!),
      `../${A}.jsonl`,
      '../../../../../../outside',
    ] as const
    put(hand, path, { is: 'link', to: at(target, (what! * 7) % 1) })
  },
  'put a FIFO': (hand: Hand, [which, to, what]: readonly number[]) =>
    put(hand, what! < 0.5 ? hand.any(which!) : hand.name(to!), { is: 'fifo' }),
  'set a time': (hand: Hand, [which, what]: readonly number[]) => {
    const path = hand.file(which!)
    const thing = hand.state.get(path)
    const times = [0, 1, 1_700_000_000_000, 1_795_000_000_000, 4_102_444_800_000, 1_700_000_000_500.5]
    if (thing?.is === 'file') hand.state.set(path, { ...thing, mtimeMs: at(times, what!) })
  },
  'set a mode': (hand: Hand, [which, what]: readonly number[]) => {
    const path = hand.file(which!)
    const thing = hand.state.get(path)
    if (thing?.is === 'file')
      hand.state.set(path, { ...thing, mode: at([0o600, 0o640, 0o444, 0o777, 0o400], what!) })
  },
} as const

const kinds = Object.keys(operations) as (keyof typeof operations)[]

export const mutation = (next: () => number): Mutation => ({
  do: at(kinds, next()),
  by: [next(), next(), next(), next()],
})

export function mutated(base: State, mutations: readonly Mutation[]): State {
  const state: State = new Map(base)
  for (const one of mutations) {
    const all = [...state.keys()].sort()
    // Four of five in the places that matter most.
    const files = all.filter((path) => state.get(path)!.is === 'file')
    const sessions = files.filter((path) => path.includes('/sessions/'))
    if (files.length === 0) break
    const hand: Hand = {
      state,
      file: (by) =>
        at(by < 0.8 && sessions.length > 0 ? sessions : files, by < 0.8 ? by / 0.8 : (by - 0.8) / 0.2),
      any: (by) => at(all, by),
      name: (by) =>
        by < 0.85
          ? `${STATE}/agents/main/sessions/${at(named, by / 0.85)}`
          : by < 0.95
            ? `${STATE}/${at(tops, (by - 0.85) / 0.1)}`
            : `${STATE}/agents/${at(['main', 'work', '-x', 'a b'], (by - 0.95) / 0.05)}`,
    }
    operations[one.do](hand, one.by)
  }
  return state
}
