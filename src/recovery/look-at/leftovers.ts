/** What lies about: archives that a `doctor --fix` made of sessions that live on, and files of writes that were cut off. */
import type { FileStat } from '../../host/disk.ts'
import { baseOfTranscript, transcriptName } from '../../openclaw/layout.ts'
import { readTranscript } from '../../openclaw/transcript.ts'
import { linesOf, lineOf } from '../../openclaw/transcript-line.ts'
import { spliced } from '../notebook.ts'
import type { Because, Splice } from '../seen.ts'
import { isoOf } from '../iso.ts'
import { counted, type SessionsDir } from './sessions-dir.ts'

export async function lookAtArchives(here: SessionsDir): Promise<void> {
  for (const [of, archives] of here.archives) {
    const archived = archives.find((one) => one.why === 'deleted')
    const what = here.is(of)
    if (archived === undefined || (what.is !== 'transcript' && what.is !== 'trajectory')) continue
    if (!here.named.has(here.path(transcriptName(what.base))) || here.isReported(here.path(of))) continue
    const found = here.stats.get(archived.name)!
    const live = here.stats.get(of)
    if (live !== undefined)
      await besideALiveOne(here, what.is, { name: archived.name, stat: found }, { name: of, stat: live })
    else if (what.is === 'trajectory' && !here.isTaken(of)) {
      const because = here.notes.found({
        kind: 'wrongly-archived',
        severity: 'benign',
        path: here.path(archived.name),
        evidence: 'archived while its session lives, and nothing stands in its place',
        repair: 'put it back',
      })
      here.notes.remedy('content', here.path(of), [because], {
        do: 'put-back',
        from: here.path(archived.name),
        found,
      })
    }
  }
}

interface Named {
  readonly name: string
  readonly stat: FileStat
}

/** Nothing that the gateway reads is gone, so this is an operator's to decide: the older history goes before the newer. */
async function besideALiveOne(
  here: SessionsDir,
  what: 'transcript' | 'trajectory',
  archive: Named,
  live: Named,
): Promise<void> {
  const isAsked = here.eyes.site.policy.unarchive
  const because = here.notes.found({
    kind: 'wrongly-archived',
    severity: 'benign',
    path: here.path(archive.name),
    evidence: `archived while its session lives; a newer ${what} stands in its place`,
    repair: isAsked ? 'put its lines before the newer ones' : null,
  })
  if (!isAsked) return
  await (what === 'trajectory'
    ? joinTrajectories(here, live, because)
    : joinTranscripts(here, archive, live, because))
}

/** All that were archived, at once: each run of a doctor archives the one that lives. */
async function joinTrajectories(here: SessionsDir, live: Named, because: Because): Promise<void> {
  const deleted = here.archivesOf(live.name).filter(({ why }) => why === 'deleted')
  const parts: Named[] = deleted.map(({ name }) => ({ name, stat: here.stats.get(name)! })).toReversed()
  const [oldest] = parts
  if (oldest === undefined) return
  const end = oldest.stat.bytes
  const splices: Splice[] = []
  for (const [n, { name, stat }] of [...parts, live].entries()) {
    if (n > 0)
      splices.push({ from: end, to: end, put: { path: here.path(name), stat, from: 0, to: stat.bytes } })
    if (name === live.name || stat.bytes === 0) continue
    const last = await here.eyes.read(here.path(name), stat.bytes - 1, stat.bytes)
    if (last === undefined) return
    if (last[0] !== newline) splices.push({ from: end, to: end, put: '\n' })
  }
  const base = { path: here.path(oldest.name), stat: oldest.stat }
  here.notes.remedy('content', here.path(live.name), [because], {
    ...spliced(base, splices, live.stat),
    mtimeMs: live.stat.mtimeMs,
  })
  for (const { name, stat } of parts)
    here.notes.remedy('evidence', here.path(name), [because], { do: 'set-aside', found: stat })
}

const newline = 10

/** Both are held in memory for this; longer ones are left to a person. */
const longestJoinBytes = 64 * 1024 * 1024

async function joinTranscripts(
  here: SessionsDir,
  archive: Named,
  live: Named,
  because: Because,
): Promise<void> {
  const older = await here.eyes.whole(here.path(archive.name), archive.stat, longestJoinBytes)
  const newer = await here.eyes.whole(here.path(live.name), live.stat, longestJoinBytes)
  if (older === undefined || newer === undefined) return
  const hint = { id: baseOfTranscript(live.name), cwd: undefined, timestamp: isoOf(live.stat.mtimeMs) }
  const reading = readTranscript(older, hint)
  if (reading.tooMany || readTranscript(newer, hint).defects.length > 0) return
  const ids = new Set<string>()
  let lastId: string | undefined
  for (const { text } of linesOf(older)) {
    const line = lineOf(text ?? '')
    if (line.is !== 'entry') continue
    ids.add(line.id)
    lastId = line.id
  }
  const newerIds = new Set<string>()
  for (const { text } of linesOf(newer)) {
    const line = lineOf(text ?? '')
    if (line.is === 'entry') newerIds.add(line.id)
  }
  // Nothing to gain: what the archive holds, the live one holds too, and its own links are the better ones.
  if ([...ids].every((id) => newerIds.has(id))) return
  let text = ''
  for (const { text: raw } of linesOf(newer)) {
    const line = lineOf(raw ?? '')
    if (raw === undefined || line.is === 'header' || line.is === 'blank') continue
    if (line.is === 'entry' && ids.has(line.id)) continue
    // The first line of the newer history becomes a child of the last of the older one.
    text +=
      line.is === 'entry' && line.parentId === undefined && lastId !== undefined
        ? `${JSON.stringify({ ...(JSON.parse(raw) as object), parentId: lastId })}\n`
        : `${raw}\n`
  }
  const end = archive.stat.bytes
  joined(here, archive, live, [...reading.mends, { from: end, to: end, put: text }], because)
}

function joined(
  here: SessionsDir,
  archive: Named,
  live: Named,
  splices: readonly Splice[],
  because: Because,
): void {
  const base = { path: here.path(archive.name), stat: archive.stat }
  here.notes.remedy('content', here.path(live.name), [because], {
    ...spliced(base, splices, live.stat),
    mtimeMs: live.stat.mtimeMs,
  })
  here.notes.remedy('evidence', here.path(archive.name), [because], { do: 'set-aside', found: archive.stat })
}

export function lookAtDebris(here: SessionsDir): void {
  const isAsked = here.eyes.site.policy.tidy
  const debris = [...here.of('index-tmp'), ...here.of('debris')]
  const first = debris[0]
  if (first === undefined) return
  const bytes = debris.reduce((sum, { stat }) => sum + stat.bytes, 0)
  const because = here.notes.found({
    kind: 'leftover-tmp',
    severity: 'benign',
    path: here.dir,
    evidence: `${counted(debris.length, 'file')} (${bytes} bytes) left by writes that were cut off, first ${JSON.stringify(first.name)}`,
    repair: isAsked ? 'set them aside' : null,
  })
  if (!isAsked) return
  for (const { name, stat } of debris)
    here.notes.remedy('evidence', here.path(name), [because], { do: 'set-aside', found: stat })
}
