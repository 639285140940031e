/**
 * What a user said last, where the trajectory has it and the transcript has not: the gateway writes the one some
 * milliseconds before the other, and syncs neither.
 */
import { baseOfTranscript, trajectoryName } from '../../openclaw/layout.ts'
import { baseName, dirName } from '../../openclaw/posix-path.ts'
import type { SessionEntry } from '../../openclaw/session-index.ts'
import { lineOfWords, submitted, type Submitted } from '../../openclaw/trajectory.ts'
import { lineOf } from '../../openclaw/transcript-line.ts'
import { spliced } from '../notebook.ts'
import { lastLine, lookAtTail } from './lines.ts'
import type { SessionsDir } from './sessions-dir.ts'

export async function lookAtWords(
  here: SessionsDir,
  entries: ReadonlyMap<string, SessionEntry | null>,
): Promise<void> {
  if (here.eyes.site.liveGatewayPid !== undefined) return
  for (const [path, keys] of here.named) {
    const name = baseName(path)
    if (dirName(path) !== here.dir || here.isBeingWritten(name)) continue
    // Whatever else is mended in it comes first: the next round looks again.
    if (here.isReported(path)) continue
    const isLocked = here.locks.some(({ base }) => base === baseOfTranscript(name))
    for (const key of keys) {
      const entry = entries.get(key)
      if (entry == null || (entry.status !== 'running' && !isLocked)) continue
      if (await writeDown(here, path, key, entry)) break
    }
  }
}

/** True when there was something to write down. */
async function writeDown(
  here: SessionsDir,
  path: string,
  key: string,
  { sessionId }: SessionEntry,
): Promise<boolean> {
  const stat = here.stats.get(baseName(path))
  if (stat === undefined || stat.bytes === 0) return false
  const words = await lastSubmitted(here, trajectoryName(baseOfTranscript(baseName(path))))
  if (words === undefined || words.sessionId !== sessionId) return false
  const end = await endOf(here, path, stat.bytes)
  // A prompt is submitted again where a model failed; then its words are there already.
  if (end === undefined || !(end.at < Date.parse(words.timestamp)) || end.text === words.prompt) return false
  here.firstWords.set(path, Date.parse(words.timestamp))
  const because = here.notes.found({
    kind: 'words-unwritten',
    severity: 'loses',
    path,
    evidence: `what was said last in session ${JSON.stringify(key)}, at ${words.timestamp}, stands in its trajectory only`,
    repair: 'write it down behind the last line',
  })
  const put = lineOfWords(words, end.id, end.ids)
  here.notes.remedy('content', path, [because], {
    ...spliced({ path, stat }, [{ from: stat.bytes, to: stat.bytes, put }], stat),
    mtimeMs: stat.mtimeMs,
  })
  return true
}

/** Undefined when it is not the last that the trajectory tells: then it was answered, or ended. */
async function lastSubmitted(here: SessionsDir, name: string): Promise<Submitted | undefined> {
  const stat = here.stats.get(name)
  if (stat === undefined) return undefined
  const tail = await lookAtTail(here.eyes, here.path(name), stat)
  if (tail === undefined || tail.soundBytes === 0) return undefined
  const last = await lastLine(here.eyes, here.path(name), tail.soundBytes)
  return last?.text == null ? undefined : submitted(last.text)
}

interface End {
  readonly id: string
  readonly ids: ReadonlySet<string>
  /** ms since the epoch; NaN where the last line does not say it. */
  readonly at: number
  /** Of the last message. */
  readonly text: string | undefined
}

/** Undefined where there is no line to go on from. */
async function endOf(here: SessionsDir, path: string, bytes: number): Promise<End | undefined> {
  const ids = new Set<string>()
  let last: { readonly id: string; readonly at: number } | undefined
  let text: string | undefined
  const whole = await here.eyes.lines(path, bytes, (each) => {
    const line = each.line ?? lineOf(each.text ?? '')
    if (line.is !== 'entry') return
    ids.add(line.id)
    last = { id: line.id, at: Date.parse(line.timestamp ?? '') }
    if (line.role !== undefined) text = each.text === undefined ? undefined : textOf(each.text)
  })
  return whole && last !== undefined ? { ...last, ids, text } : undefined
}

function textOf(line: string): string | undefined {
  const { message } = JSON.parse(line) as { message: { content?: unknown } }
  const { content } = message
  const [part] = Array.isArray(content) ? (content as readonly { text?: unknown }[]) : [{ text: content }]
  return typeof part?.text === 'string' ? part.text : undefined
}
