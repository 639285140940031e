/** Pointers and the trajectories they name.  The gateway never reads them to work, so what is wrong here is benign. */
import type { FileStat } from '../../host/disk.ts'
import { trajectoryName, transcriptName } from '../../openclaw/layout.ts'
import { baseName, dirName, inside } from '../../openclaw/posix-path.ts'
import { isRecordedElsewhere, pointer, pointerLimitBytes, pointerText } from '../../openclaw/trajectory.ts'
import { lookAtTail } from './lines.ts'
import { spliced } from '../notebook.ts'
import type { SessionsDir } from './sessions-dir.ts'

export async function lookAtPointers(here: SessionsDir): Promise<void> {
  for (const { name, stat, what } of here.of('pointer')) {
    const isHere = here.stats.has(trajectoryName(what.base))
    if (isHere && here.isUnchanged(name)) continue
    here.notes.read++
    const bytes = await here.eyes.read(here.path(name), 0, pointerLimitBytes)
    const read = bytes === undefined ? undefined : pointer(bytes.toString('utf8'))
    // Written in place, so it may be torn: then nobody follows it, and the next run writes it anew.
    if (read === undefined || isRecordedElsewhere(read)) continue
    const target = baseName(read.runtimeFile)
    if (!(await isInside(here, read.runtimeFile))) {
      if (here.stats.has(target)) pointHere(here, { name, stat }, read.sessionId, target, read.runtimeFile)
      else dangling(here, { name, stat, base: what.base }, read.runtimeFile)
    } else if (!(await isThere(here, read.runtimeFile)))
      dangling(here, { name, stat, base: what.base }, read.runtimeFile)
  }
}

const isInside = async (here: SessionsDir, path: string): Promise<boolean> =>
  inside(here.eyes.site.stateDir, path) !== undefined ||
  inside(here.eyes.site.stateDir, await here.eyes.real(path)) !== undefined

async function isThere(here: SessionsDir, path: string): Promise<boolean> {
  if (dirName(path) === here.dir) return here.isTaken(baseName(path))
  return (await here.eyes.stat(await here.eyes.real(path))) !== undefined
}

function pointHere(
  here: SessionsDir,
  { name, stat }: { readonly name: string; readonly stat: FileStat },
  sessionId: string,
  target: string,
  leads: string,
): void {
  const because = here.notes.found({
    kind: 'pointer-outside',
    severity: 'benign',
    path: here.path(name),
    evidence: `names ${JSON.stringify(leads)}, while the trajectory is here`,
    repair: 'point it here',
  })
  const put = pointerText({ sessionId, runtimeFile: here.path(target) })
  const splice = { from: 0, to: stat.bytes, put }
  here.notes.remedy(
    'pointer',
    here.path(name),
    [because],
    spliced({ path: here.path(name), stat }, [splice], stat),
  )
}

function dangling(
  here: SessionsDir,
  { name, stat, base }: { readonly name: string; readonly stat: FileStat; readonly base: string },
  leads: string,
): void {
  // Between the pointer and the first line of a trajectory there is a moment.
  if (here.eyes.site.liveGatewayPid !== undefined) return
  const target = baseName(leads)
  const archived = here.archivesOf(target).find((one) => one.why === 'deleted')
  if (archived !== undefined && !here.isTaken(target) && here.named.has(here.path(transcriptName(base)))) {
    const because = here.notes.found({
      kind: 'trajectory-missing',
      severity: 'benign',
      path: here.path(target),
      evidence: `named by ${JSON.stringify(name)}, absent, archived as ${JSON.stringify(archived.name)} while its session lives`,
      repair: 'put it back',
    })
    here.notes.remedy('content', here.path(target), [because], {
      do: 'put-back',
      from: here.path(archived.name),
      found: here.stats.get(archived.name)!,
    })
    return
  }
  const because = here.notes.found({
    kind: 'trajectory-missing',
    severity: 'benign',
    path: here.path(name),
    evidence: `names ${JSON.stringify(leads)}, which is absent`,
    repair: 'set the dangling pointer aside',
  })
  here.notes.remedy('pointer', here.path(name), [because], { do: 'set-aside', found: stat })
}

export async function lookAtTrajectories(here: SessionsDir): Promise<void> {
  for (const { name, stat, what } of here.of('trajectory')) {
    if (here.isUnchanged(name)) continue
    const path = here.path(name)
    const tail = await lookAtTail(here.eyes, path, stat)
    if (tail === undefined || tail.is === 'sound') continue
    if (here.eyes.site.liveGatewayPid !== undefined || here.isBeingWritten(transcriptName(what.base)))
      continue
    const isTorn = tail.is === 'torn'
    const because = here.notes.found({
      kind: 'trajectory-torn',
      severity: 'benign',
      path,
      evidence: isTorn
        ? `the last ${stat.bytes - tail.soundBytes} bytes do not parse`
        : 'the last line is whole, but nothing ends it',
      repair: isTorn ? 'keep the tail, cut to the last whole line' : 'end the line',
    })
    const splice = isTorn
      ? { from: tail.soundBytes, to: stat.bytes, put: '' }
      : { from: stat.bytes, to: stat.bytes, put: '\n' }
    here.notes.remedy('content', path, [because], spliced({ path, stat }, [splice], stat))
  }
}
