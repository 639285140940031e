/** Can the configuration be read, and if not, what changed since a gateway got ready with it? */
import type { FileStat } from '../../host/disk.ts'
import { config, configLimitBytes, lastGoodOf } from '../../openclaw/config-file.ts'
import { agentsFolder } from '../../openclaw/layout.ts'
import { inside } from '../../openclaw/posix-path.ts'
import type { Eyes } from '../eyes.ts'
import { contentOf, readableGenerations } from '../generations.ts'
import { spliced } from '../notebook.ts'
import { isoOf } from '../iso.ts'
import type { Store } from '../verdict.ts'
import { whatChanged } from './what-changed.ts'

export async function lookAtConfig(eyes: Eyes, store: Store): Promise<void> {
  const { site, notes } = eyes
  const path = site.configPath
  const real = await eyes.real(path)
  if (real !== path && inside(`${site.stateDir}/${agentsFolder}`, real) !== undefined) {
    eyes.misplaced(path, 'a link to a file of an agent, where the configuration belongs')
    return
  }
  const stat = await eyes.stat(real)
  if (stat === undefined) {
    if (store === 'none' || notes.findings.some((one) => one.path === notes.shown(real))) return
    const evidence = 'there are sessions here, but no configuration: the gateway refuses to start'
    await rollBack(eyes, path, real, null, evidence)
    return
  }
  if (stat.kind !== 'file') {
    eyes.misplaced(path, 'no regular file, where the configuration belongs')
    return
  }
  const bytes = await eyes.whole(real, stat, configLimitBytes)
  if (bytes === undefined) return
  const read = config(bytes.toString('utf8'))
  if (read.is === 'sound') {
    notes.version ??= read.version
    return
  }
  const since = await sinceLastGood(eyes, path, bytes)
  const evidence = `line ${read.line}, column ${read.column}: ${read.why}${since}`
  await rollBack(eyes, path, real, stat, evidence)
}

/** Where it was asked for and there is a good one; else an operator is told how to ask. */
async function rollBack(
  eyes: Eyes,
  path: string,
  real: string,
  stat: FileStat | null,
  evidence: string,
): Promise<void> {
  const { notes } = eyes
  // Where a link stands, a file cannot be put.
  const rolledBack = real === path ? await lastGood(eyes, path) : undefined
  const finding = { kind: 'config-unreadable', severity: 'blocks', path, evidence } as const
  if (rolledBack === undefined) {
    const command = rollBackCommand(await lastGood(eyes, path, true))
    notes.found({ ...finding, repair: null, without: 'needs-operator', command })
    return
  }
  const because = notes.found({ ...finding, repair: 'put the last good one back' })
  notes.remedy('content', path, [because], spliced(rolledBack, [], stat))
}

const rollBackCommand = (there: { readonly path: string } | undefined): string =>
  there === undefined ? 'openclaw doctor' : 'supervise repair --config-rollback'

async function sinceLastGood(eyes: Eyes, path: string, bytes: Buffer): Promise<string> {
  const good = await lastGood(eyes, path, true)
  const text = good === undefined ? undefined : await eyes.read(good.path, 0, good.stat.bytes)
  const changed = text === undefined ? null : whatChanged(text.toString('utf8'), bytes.toString('utf8'))
  if (good === undefined || changed === null) return ''
  const since =
    good.when === null ? 'the last good one' : `the one that the gateway got ready with at ${good.when}`
  return `; since ${since}, ${changed}`
}

/** The newest configuration that a gateway got ready with; else the one that the gateway itself kept. */
async function lastGood(
  eyes: Eyes,
  path: string,
  isAsked = eyes.site.policy.configRollback,
): Promise<{ path: string; stat: FileStat; when: string | null } | undefined> {
  if (!isAsked) return undefined
  for (const generation of await readableGenerations(eyes.site, path)) {
    const content = await contentOf(eyes.site, generation)
    if (content !== undefined && config(content.bytes.toString('utf8')).is === 'sound')
      return { path: generation.path, stat: content.stat, when: isoOf(generation.takenAt) }
  }
  const theirs = lastGoodOf(path)
  const stat = await eyes.file(theirs)
  const bytes = stat === undefined ? undefined : await eyes.whole(theirs, stat, configLimitBytes)
  return stat !== undefined && bytes !== undefined && config(bytes.toString('utf8')).is === 'sound'
    ? { path: theirs, stat, when: null }
    : undefined
}
