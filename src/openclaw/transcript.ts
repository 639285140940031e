/**
 * Transcripts: JSON lines, a header and then a tree of entries (`id`, `parentId`); the last line is the leaf, and the
 * context of the model is the walk from there to the root.
 *
 * What 2026.4.26 makes of damage (session-manager.js of pi-coding-agent, repairSessionFileIfNeeded in
 * dist/compaction-successor-transcript-*.js):
 * - lines that do not parse are dropped, and with them the link to everything before;
 * - a first line that is no header empties the file, without a backup;
 * - a last line without `\n` has the next entry glued to it, and both are dropped at the run after;
 * - where the parents of the last line go round in a circle, the walk to the root never ends, and the gateway answers nobody any more;
 * - one in which nothing was answered is emptied at the next run (prepareSessionManagerForRun, dist/selection-*.js).
 *
 * What is done about it here, and what never:
 * 1. Every line that parses stays, byte for byte, in its order; but for the name of a parent that leads in a circle.
 * 2. Entries glued together come apart; of a line that does not parse, what follows a whole entry's beginning stays.
 * 3. Where the link was lost, one line of ours (`custom`, which the model never sees) restores it.
 * 4. Where nothing was answered, an empty answer of ours stands beside the first words: in the file, so that it is not
 *    emptied, and on no way from the last line to the root, so that the model never sees it.
 * 5. Nothing is judged by fields that recovery does not need: unfamiliar types and fields are left alone.
 */
import { emptyAnswer } from './empty-answer.ts'
import { joined, type Mend } from './mend.ts'
import { circlesBroken, type Turning } from './parent-circles.ts'
import { lostField, salvage } from './torn-line.ts'
import { lineOf, linesOf, type Line, type Text } from './transcript-line.ts'

export type Defect =
  'no-final-newline' | 'torn-tail' | 'bad-header' | 'torn-middle' | 'unanswered' | 'looping'

export interface Reading {
  readonly defects: readonly { readonly is: Defect; readonly evidence: string }[]
  /** Sorted and apart; applied, nothing is left to mend. */
  readonly mends: readonly Mend[]
  readonly lines: number
  readonly header: { readonly id: string; readonly timestamp: string | undefined } | undefined
  readonly hasMessages: boolean
  readonly lastTimestamp: string | undefined
  /** The last message in it. */
  readonly lastMessage:
    | {
        readonly role: string
        readonly timestamp: string | undefined
        readonly calls: readonly string[]
      }
    | undefined
  /** Too many damaged places to be the work of a crash: nothing here would be a repair. */
  readonly tooMany: boolean
}

/** What a header needs when none is left. */
export interface HeaderHint {
  readonly id: string
  readonly cwd: string | undefined
  readonly timestamp: string
}

/** Ids kept for finding lost links; a longer transcript is mended at its torn lines only. */
const mostIds = 1_000_000
const longestSalvage = 4 * 1024 * 1024
/** More damaged places than this are not a torn transcript but something else. */
const mostMends = 20_000

interface Placed {
  /** Undefined for what stays where it is. */
  readonly text: string | undefined
  readonly at: number
  readonly line: Line & { is: 'entry' }
  readonly before: string | undefined
}

/** Reads a transcript line by line, from the first; `finish` says what is wrong and how to mend it. */
export function transcriptReader(hint: HeaderHint): { line(text: Text): void; finish(): Reading } {
  let lines = 0
  let number = 0
  let header: (Line & { is: 'header' }) | undefined
  let headerMissing = false
  let firstAt: number | undefined
  let firstTimestamp: string | undefined
  let lastId: string | undefined
  let lastTimestamp: string | undefined
  let hasMessages = false
  let lastMessage: Reading['lastMessage']
  /** The first line that the user would miss. */
  let firstWords: Placed | undefined
  let isAnswered = false
  let end = 0
  let lastEnded = true
  let lostHeader: string | undefined
  /** Of every line with an id; of two with one id the later counts, as for the gateway. */
  const parents = new Map<string, string | undefined>()
  /** Each circle has one of these: a line that names a later one as its parent, or bears an earlier one's id. */
  const turnings: Turning[] = []
  const torn: { from: number; to: number; number: number; salvaged: string[] }[] = []
  const links: Placed[] = []
  let tooMany = false
  /** Torn stretches with nothing sound behind them (yet). */
  let trailing = 0

  const sound = (line: Line, at: number, salvagedFrom: string | undefined, text?: string): void => {
    lines++
    if (line.is === 'header') {
      if (header === undefined && !headerMissing) header = line
      return
    }
    if (header === undefined && !headerMissing) {
      headerMissing = true
      firstAt = at
      firstTimestamp = line.is === 'entry' ? line.timestamp : undefined
    }
    if (line.is !== 'entry') return
    if (line.role !== undefined) {
      hasMessages = true
      lastMessage = { role: line.role, timestamp: line.timestamp, calls: line.calls }
    }
    // Of a line too long to be held the role may not be known.
    if (line.role === 'assistant' || line.role === 'unknown') isAnswered = true
    if (line.speaks) firstWords ??= { text: salvagedFrom, at, line, before: lastId }
    const isTurning = line.parentId !== undefined && (!parents.has(line.parentId) || parents.has(line.id))
    if (isTurning && salvagedFrom === undefined && turnings.length < mostMends)
      turnings.push({
        line,
        at,
        text: (text?.length ?? 0) > longestSalvage ? undefined : text,
        before: lastId,
      })
    if (line.parentId !== undefined && !parents.has(line.parentId) && parents.size < mostIds) {
      if (links.length < mostMends) links.push({ text: salvagedFrom, at, line, before: lastId })
      else tooMany = true
    }
    if (parents.size < mostIds) parents.set(line.id, line.parentId)
    lastId = line.id
    lastTimestamp = line.timestamp ?? lastTimestamp
  }

  /** A second entry of one id would take the place of the first, and with it the way to all before. */
  const isNews = (whole: string): boolean => {
    const line = lineOf(whole)
    return line.is !== 'entry' || (line.parentId !== line.id && !parents.has(line.id))
  }

  return {
    line({ text, line: known, from, to, ended }) {
      number++
      end = to
      const line = known ?? lineOf(text ?? '')
      if (line.is === 'blank') {
        return
      }
      lastEnded = ended
      if (line.is !== 'torn') {
        trailing = 0
        sound(line, from, undefined, text)
        return
      }
      const salvaged = text === undefined || text.length > longestSalvage ? [] : salvage(text).filter(isNews)
      if (lines === 0 && salvaged.length === 0) lostHeader ??= text?.slice(0, 4096)
      const neighbour = torn.at(-1)
      if (trailing > 0 && salvaged.length === 0 && neighbour?.to === from) {
        neighbour.to = to
        return
      }
      if (torn.length < mostMends) torn.push({ from, to, number, salvaged })
      else tooMany = true
      trailing = salvaged.length === 0 ? trailing + 1 : 0
      for (const whole of salvaged) sound(lineOf(whole), from, whole)
    },

    finish() {
      const defects: { is: Defect; evidence: string }[] = []
      const puts = new Map<number, Mend>()
      const put = (mend: Mend): void => {
        const there = puts.get(mend.from)
        puts.set(
          mend.from,
          there === undefined
            ? mend
            : { ...mend, to: Math.max(there.to, mend.to), put: there.put + mend.put },
        )
      }

      const tail = trailing === 0 ? [] : torn.slice(-trailing)
      const isInHeadersPlace = (from: number): boolean => header === undefined && from < (firstAt ?? end)
      const middle = torn.slice(0, torn.length - trailing).filter(({ from }) => !isInHeadersPlace(from))

      const makeHeader = (): string => {
        return `${JSON.stringify({
          type: 'session',
          version: 3,
          id: hint.id,
          timestamp: lostField(lostHeader, 'timestamp') ?? firstTimestamp ?? hint.timestamp,
          cwd: lostField(lostHeader, 'cwd') ?? hint.cwd,
        })}\n`
      }
      if (header === undefined) {
        const evidence =
          end === 0
            ? 'empty'
            : lines === 0
              ? 'no line of it parses'
              : torn.length > 0 && torn[0]!.from < (firstAt ?? 0)
                ? 'line 1 does not parse, and no header follows'
                : 'line 1 is not a session header'
        defects.push({ is: 'bad-header', evidence })
        put({ from: 0, to: 0, put: makeHeader() })
      }

      if ((header?.version ?? 3) >= 2) {
        const { broken, evidence } = circlesBroken(lastId, parents, turnings)
        if (evidence !== undefined) defects.push({ is: 'looping', evidence })
        for (const mend of broken) put(mend)
      }

      // Version 1 had no ids, and roles are not looked for in lines without one.
      const words = isAnswered || (header?.version ?? 3) < 2 ? undefined : firstWords
      if (words !== undefined)
        defects.push({ is: 'unanswered', evidence: 'nothing in it was answered: the next run empties it' })
      const answer = words === undefined ? '' : emptyAnswer(words.line, parents, hint.timestamp)

      // Links to lines that are gone.  Version 1 had none, and the gateway makes them itself.
      const bridges = new Map<string, string | undefined>()
      let stepsLeft = mostIds
      /** Its way to the root comes by `lost`, or goes round in a circle already. */
      const isNoWay = (lost: string, from: string | undefined): boolean => {
        let at = from
        for (
          let step = 0;
          at !== undefined && step <= parents.size + bridges.size && stepsLeft > 0;
          step++, stepsLeft--
        ) {
          if (at === lost) return true
          at = parents.get(at) ?? bridges.get(at)
        }
        return at !== undefined && stepsLeft > 0
      }
      const bridge = (link: Placed): string => {
        const lost = link.line.parentId
        if (lost === undefined || parents.has(lost) || bridges.has(lost)) return ''
        // Else the first line would seem to have lost what was before it once ours stands there.
        if (link.before === undefined && answer === '') return ''
        if (header !== undefined && header.version < 2) return ''
        // The line before is that line itself, or came after it, perhaps over another bridge: this one would close a circle.
        if (isNoWay(lost, link.before)) return ''
        bridges.set(lost, link.before)
        return `${JSON.stringify({
          type: 'custom',
          customType: 'supervise:lost-line',
          data: { reason: 'this line did not survive a crash; it is kept aside by supervise' },
          id: lost,
          parentId: link.before ?? null,
          timestamp: link.line.timestamp ?? hint.timestamp,
        })}\n`
      }
      const bySalvage = new Map(
        links.flatMap((link) => (link.text === undefined ? [] : [[link.text, link] as const])),
      )
      const before = new Map(
        links.flatMap((link) => (link.text === undefined ? [[link.at, link] as const] : [])),
      )

      for (const { from, to, salvaged } of torn) {
        const text = salvaged.map((whole) => {
          const link = bySalvage.get(whole)
          const ours = whole === words?.text ? answer : ''
          return `${ours}${link === undefined ? '' : bridge(link)}${whole}\n`
        })
        put({ from, to, put: text.join('') })
      }
      if (words !== undefined && words.text === undefined) put({ from: words.at, to: words.at, put: answer })
      const lonely: string[] = []
      for (const [at, link] of before) {
        const text = bridge(link)
        if (text === '') continue
        if (link.before !== undefined && !torn.some((one) => one.to <= at && one.to > at - 1))
          lonely.push(link.line.id)
        put({ from: at, to: at, put: text })
      }

      const first = middle[0]
      if (first !== undefined)
        defects.push({
          is: 'torn-middle',
          evidence: `line ${first.number} does not parse${middle.length > 1 ? `, nor do ${middle.length - 1} more` : ''}`,
        })
      else if (lonely.length > 0)
        defects.push({
          is: 'torn-middle',
          evidence: `the line before entry ${JSON.stringify(lonely[0])} is gone: it names a parent that is nowhere in the file`,
        })
      const last = tail[0]
      if (last !== undefined && lines > 0)
        defects.push({
          is: 'torn-tail',
          evidence: `the last ${end - last.from} bytes (line ${last.number}) do not parse`,
        })
      if (lines > 0 && !lastEnded && trailing === 0 && torn.at(-1)?.to !== end) {
        defects.push({ is: 'no-final-newline', evidence: 'the last line is whole, but nothing ends it' })
        put({ from: end, to: end, put: '\n' })
      }

      return {
        defects,
        mends: joined([...puts.values()]),
        lines,
        header: header === undefined ? undefined : { id: header.id, timestamp: header.timestamp },
        hasMessages,
        lastTimestamp,
        lastMessage,
        tooMany,
      }
    },
  }
}

/** The whole of a small transcript, and what it becomes: for tests, and for what is held in memory anyway. */
export function readTranscript(bytes: Uint8Array, hint: HeaderHint): Reading {
  const reader = transcriptReader(hint)
  for (const line of linesOf(bytes)) reader.line(line)
  return reader.finish()
}
