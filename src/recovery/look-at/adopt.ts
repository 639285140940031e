/**
 * Transcripts that no entry names.  When the index itself was lost, its sessions come back from them; so they do when
 * the gateway wiped the index and our last generation of it tells which ones they were (vanished.ts), or they were begun
 * after it.  Otherwise they are reported, and put back in the index only when an operator asks.
 */
import { indexName, transcriptName } from '../../openclaw/layout.ts'
import { sessionEntry } from '../../openclaw/session-index.ts'
import { recoveredKey } from '../../openclaw/session-key.ts'
import { archivedByDoctor } from './archived-by-doctor.ts'
import type { IndexInForce } from './session-index.ts'
import type { Reading } from '../../openclaw/transcript.ts'
import { onlyTraced, type Traced } from './only-traced.ts'
import { lookAtEntry, mend, putBack } from './transcripts.ts'
import { isoOf } from '../iso.ts'
import { counted, type SessionsDir } from './sessions-dir.ts'
import { vanishedSince, type Vanished } from '../vanished.ts'
import { whoseTranscript, type Claim } from './whose-transcript.ts'

type Lost = ReturnType<typeof transcriptsLost>
const transcriptsLost = (here: SessionsDir) =>
  here.of('transcript').filter(({ name }) => !here.named.has(here.path(name)))

export async function adopt(here: SessionsDir, index: IndexInForce): Promise<void> {
  const lost = transcriptsLost(here)
  if (index.is === 'rebuilt')
    return await putInIndex(here, index, lost, archivedByDoctor(here), await onlyTraced(here, index.since))
  if (lost.length === 0) return
  const vanished = await vanishedFrom(here, index)
  let others = lost
  if (vanished.is === 'wiped') {
    const since = (await here.lastIndex())!.generation.mtimeMs
    const wiped = new Set(vanished.transcripts.map(({ path }) => path))
    for (const { name } of lost) {
      const claim = wiped.has(here.path(name)) ? undefined : await whoseTranscript(here, name, name)
      if (claim !== undefined && claim.firstAt > since) wiped.add(here.path(name))
    }
    const lostByWipe = lost.filter(({ name }) => wiped.has(here.path(name)))
    await tellWiped(here, index, lostByWipe.length)
    await putInIndex(here, index, lostByWipe, [], await onlyTraced(here, since))
    others = lost.filter(({ name }) => !wiped.has(here.path(name)))
  }
  if (others.length > 0) await lookAtOthers(here, index, others, vanished)
}

async function lookAtOthers(
  here: SessionsDir,
  index: IndexInForce,
  lost: Lost,
  vanished: Vanished,
): Promise<void> {
  const isAsked = here.eyes.site.policy.adopt
  const bytes = lost.reduce((sum, { stat }) => sum + stat.bytes, 0)
  const dropped = vanished.is === 'dropped' ? vanished.transcripts : []
  const known =
    dropped.length === 0
      ? ''
      : `; ${dropped.length} of them had an entry before, first ${JSON.stringify(dropped[0]!.key)}`
  const because = here.notes.found({
    kind: 'unindexed-transcripts',
    severity: 'benign',
    path: here.dir,
    evidence: `${counted(lost.length, 'transcript')} (${bytes} bytes) that no session names, first ${JSON.stringify(lost[0]!.name)}${known}`,
    repair: isAsked ? 'put them back in the index' : null,
    ...(isAsked ? { sessions: here.putBack } : {}),
  })
  if (!isAsked) return
  here.indexBecause.push(because)
  await putInIndex(here, index, lost, [])
}

/** Only what could be put back counts: the look after the repair has to find nothing. */
async function vanishedFrom(here: SessionsDir, index: IndexInForce): Promise<Vanished> {
  const last = await here.lastIndex()
  const where = { stateDir: here.eyes.site.stateDir, sessionsDir: here.dir }
  const since = async (isThere: (path: string) => boolean | Promise<boolean>): Promise<Vanished> =>
    await vanishedSince(last?.entries ?? new Map(), index.entries, where, isThere)
  const nameOf = (path: string): string => path.slice(here.dir.length + 1)
  const isLying = (path: string): boolean => (here.stats.get(nameOf(path))?.bytes ?? 0) > 0
  const first = await since((path) => here.is(nameOf(path)).is === 'transcript' && isLying(path))
  if (first.is !== 'wiped') return first
  const claimed = new Set<string>()
  for (const { path } of first.transcripts)
    if ((await whoseTranscript(here, nameOf(path), nameOf(path))) !== undefined) claimed.add(path)
  return await since((path) => claimed.has(path))
}

async function tellWiped(here: SessionsDir, index: IndexInForce, count: number): Promise<void> {
  const last = (await here.lastIndex())!
  const before = `${counted(last.entries.size, 'session')} at ${isoOf(last.generation.mtimeMs)}`
  here.indexBecause.push(
    here.notes.found({
      kind: 'index-missing',
      severity: 'loses',
      path: here.path(indexName),
      evidence: `it named ${before} and none of them now (${counted(index.entries.size, 'session')}): the gateway took it for empty; ${counted(count, 'transcript')} lie here, neither archived nor deleted`,
      repair: 'put them back in the index',
      sessions: here.putBack,
    }),
  )
}

async function putInIndex(
  here: SessionsDir,
  index: IndexInForce,
  lost: Lost,
  doctored: readonly { readonly name: string; readonly heldIn: string }[],
  traced: readonly Traced[] = [],
): Promise<void> {
  const claims: Claim[] = traced
    .filter(({ name }) => !doctored.some((one) => one.name === name))
    .map((one) => ({ ...one, heldIn: one.name, before: undefined, reading: undefined }))
  for (const { name, heldIn } of [...lost.map(({ name }) => ({ name, heldIn: name })), ...doctored]) {
    const claim = await whoseTranscript(here, name, heldIn)
    if (claim !== undefined) claims.push(claim)
  }
  // The newest by its last line keeps a key that several claim.
  claims.sort((a, b) => b.lastAt - a.lastAt || (a.name < b.name ? -1 : 1))
  const taken = new Set(index.entries.keys())
  for (const edit of here.edits) if (edit.do === 'add') taken.add(edit.key)
  for (const claim of claims) {
    const own = claim.key === undefined || taken.has(claim.key) ? undefined : claim.key
    const key = own ?? freeKey(taken, recoveredKey(here.agentId, claim.sessionId))
    taken.add(key)
    const notKnown = notKnownOf(claim, own)
    if (notKnown.length > 0)
      here.putBack.push({ key, path: here.notes.shown(here.path(claim.name)), notKnown })
    const entry = entryOf(here, claim, own !== undefined)
    here.edits.push({ do: 'add', key, entry })
    here.notes.sessions++
    const { reading } = claim
    if (reading === undefined) {
      await lookAtEntry(here, key, sessionEntry(entry)!)
      continue
    }
    here.named.set(here.path(claim.name), [key])
    here.notes.transcripts++
    if (claim.heldIn === claim.name) mend(here, here.path(claim.name), here.stats.get(claim.name)!, reading)
    else unarchive(here, claim, reading)
  }
}

function unarchive(here: SessionsDir, { name, heldIn }: Claim, reading: Reading): void {
  const because = here.notes.found({
    kind: 'wrongly-archived',
    severity: 'loses',
    path: here.path(heldIn),
    evidence: 'archived together with its trajectory, as a doctor run does when it cannot read the index',
    repair: 'put it back',
  })
  const archive = {
    path: here.path(heldIn),
    stat: here.stats.get(heldIn)!,
    mends: reading.mends,
    moves: true,
  }
  putBack(here, here.path(name), archive, because, null)
}

/**
 * What our last generation says of it, under its own key (where it delivers to belongs to that); else the least that a
 * gateway takes for a session.  With true times: they decide whether it is fresh.
 */
function entryOf(here: SessionsDir, claim: Claim, isUnderOwnKey: boolean): Record<string, unknown> {
  const lock = here.locks.find((one) => transcriptName(one.base) === claim.name && one.state !== 'held')
  const before = isUnderOwnKey ? claim.before : undefined
  const updatedAt = before?.['updatedAt']
  return {
    sessionStartedAt: claim.firstAt,
    ...before,
    sessionId: claim.sessionId,
    updatedAt: Math.max(claim.lastAt, typeof updatedAt === 'number' ? updatedAt : 0),
    sessionFile: here.path(claim.name),
    lastInteractionAt: claim.lastAt,
    // A lock beside it: its turn was under way, and only an entry that says so is resumed.
    ...(lock === undefined ? {} : { status: 'running', startedAt: lock.holder.createdAt ?? claim.lastAt }),
    // This lock will be set aside: then only this mark is left of the turn.
    ...(lock?.state === 'misread' || (lock !== undefined && lock.base !== claim.sessionId)
      ? { abortedLastRun: true }
      : {}),
  }
}

function notKnownOf(claim: Claim, own: string | undefined): string[] {
  const notKnown: string[] = []
  if (claim.key === undefined) notKnown.push('its own key: no generation and no trajectory tells it')
  else if (own === undefined) notKnown.push(`its key from now on: a newer session has ${claim.key}`)
  if (own === undefined || claim.before === undefined)
    notKnown.push('its settings, its token counts and where it delivers to')
  if (claim.reading === undefined)
    notKnown.push('its transcript: what its trajectory holds of it is written anew')
  else if (claim.reading.lastTimestamp === undefined)
    notKnown.push('when it was last used: the time of its file is taken')
  return notKnown
}

function freeKey(taken: ReadonlySet<string>, key: string): string {
  let free = key
  for (let number = 2; taken.has(free); number++) free = `${key}-${number}`
  return free
}
