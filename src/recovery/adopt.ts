/**
 * Transcripts that no entry names.  When the index itself was lost, its sessions come back from them; otherwise they
 * are reported, and put back in the index only when an operator asks.
 */
import { recoveredKey } from '../openclaw/session-key.ts'
import { archivedByDoctor } from './archived-by-doctor.ts'
import type { IndexInForce } from './look-at-index.ts'
import { mend, putBack } from './look-at-transcripts.ts'
import { counted, type SessionsDir } from './sessions-dir.ts'
import { whoseTranscript, type Claim } from './whose-transcript.ts'

export async function adopt(here: SessionsDir, index: IndexInForce): Promise<void> {
  const lost = here.of('transcript').filter(({ name }) => !here.named.has(here.path(name)))
  const doctored = index.is === 'rebuilt' ? archivedByDoctor(here) : []
  const isAsked = here.eyes.site.policy.adopt
  const first = lost[0]
  if (index.is !== 'rebuilt') {
    if (first === undefined) return
    const bytes = lost.reduce((sum, { stat }) => sum + stat.bytes, 0)
    const because = here.notes.found({
      kind: 'unindexed-transcripts',
      severity: 'benign',
      path: here.dir,
      evidence: `${counted(lost.length, 'transcript')} (${bytes} bytes) that no session names, first ${JSON.stringify(first.name)}`,
      repair: isAsked ? 'put them back in the index' : null,
    })
    if (!isAsked) return
    here.indexBecause.push(because)
  }

  const claims: Claim[] = []
  for (const { name, heldIn } of [...lost.map(({ name }) => ({ name, heldIn: name })), ...doctored]) {
    const claim = await whoseTranscript(here, name, heldIn)
    if (claim !== undefined) claims.push(claim)
  }
  // The newest by its last line keeps a key that several claim.
  claims.sort((a, b) => b.lastAt - a.lastAt || (a.name < b.name ? -1 : 1))
  const taken = new Set(index.entries.keys())
  for (const claim of claims) {
    const own = claim.key === undefined || taken.has(claim.key) ? undefined : claim.key
    const key = own ?? freeKey(taken, recoveredKey(here.agentId, claim.sessionId))
    taken.add(key)
    here.edits.push({ do: 'add', key, entry: entryOf(here, claim) })
    here.named.set(here.path(claim.name), [key])
    here.notes.sessions++
    here.notes.transcripts++
    if (claim.heldIn === claim.name)
      mend(here, here.path(claim.name), here.stats.get(claim.name)!, claim.reading)
    else unarchive(here, claim)
  }
}

function unarchive(here: SessionsDir, { name, heldIn, reading }: Claim): void {
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

/** The least that a gateway takes for a session, with true times: they decide whether it is fresh. */
function entryOf(here: SessionsDir, claim: Claim): Record<string, unknown> {
  const lock = here.locks.find((one) => `${one.base}.jsonl` === claim.name && one.state !== 'held')
  return {
    sessionId: claim.sessionId,
    updatedAt: claim.lastAt,
    sessionFile: here.path(claim.name),
    sessionStartedAt: claim.firstAt,
    lastInteractionAt: claim.lastAt,
    // A lock beside it: its turn was under way, and only an entry that says so is resumed.
    ...(lock === undefined ? {} : { status: 'running', startedAt: lock.holder.createdAt ?? claim.lastAt }),
    // This lock will be set aside: then only this mark is left of the turn.
    ...(lock?.state === 'misread' || (lock !== undefined && lock.base !== claim.sessionId)
      ? { abortedLastRun: true }
      : {}),
  }
}

function freeKey(taken: ReadonlySet<string>, key: string): string {
  let free = key
  for (let number = 2; taken.has(free); number++) free = `${key}-${number}`
  return free
}
