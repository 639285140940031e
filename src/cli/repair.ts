/** `supervise repair`: one recovery, by an operator's hand, while nobody else holds the state. */
import type { Environment } from '../openclaw/settings.ts'
import { recover } from '../recovery/recover.ts'
import type { Policy } from '../recovery/site.ts'
import type { Recovery } from '../recovery/verdict.ts'
import { clearOwed } from '../supervisor/owed.ts'
import { ownPaths } from '../supervisor/own-paths.ts'
import { judge, readStatusFile } from '../supervisor/status.ts'
import { siteOn } from '../supervisor/this-machine.ts'
import { look } from './check.ts'
import { exitStatus } from './exit-statuses.ts'
import { isOn, whereFlags, type Flags, type Given, type Parsed } from './flags.ts'
import { bytes, clean, say, sayJson } from './output.ts'
import { wholeCommand, type Meant } from '../supervisor/whole-command.ts'
import { recoveryFlags, recoveryPolicy } from './recovery-flags.ts'
import { sayFinding, sayInspection, withWholeCommand } from './render-findings.ts'
import { installedHere, noArguments, stateOrUsage } from './where.ts'
import { withState } from './with-state.ts'

export const repairFlags = {
  ...whereFlags,
  'dry-run': { help: 'say what would be done, change nothing' },
  unarchive: { help: 'put back what a `doctor --fix` renamed away from sessions that live' },
  adopt: {
    help: 'put back transcripts that no entry names, and what a database had before it was begun anew',
  },
  tidy: { help: 'set debris of crashed writes aside' },
  ...recoveryFlags,
  'accept-loss': {
    help: 'a database that is gone, and of which nothing is left to restore: let the gateway begin a new one',
  },
  json: { help: 'one JSON object' },
} satisfies Flags

export async function repair(parsed: Parsed, env: Environment): Promise<number> {
  noArguments(parsed)
  const { given } = parsed
  const where = stateOrUsage(given, env)
  const policy = policyOf(given)
  const inJson = isOn(given, 'json')
  if (isOn(given, 'dry-run')) {
    const { seen, running } = await look(where, env, policy, true)
    const { inspection, changes, cutShort } = seen
    if (inJson)
      sayJson({
        ...inspection,
        findings: inspection.findings.map((finding) => withWholeCommand(finding, where)),
        gatewayRunning: running !== null,
        repairId: null,
        kept: [],
        changes,
        cutShort,
      })
    else {
      sayInspection(inspection, where)
      for (const { path, does } of changes) say(`would ${does}: ${clean(path)}`)
      if (changes.length === 0) say('nothing would be changed')
    }
    return exitStatus.ok
  }
  return withState(where, env, async () => {
    const recovery = await recover(siteOn({ ...where, policy, installed: installedHere(env) }), {
      owed: 'another-boot',
      trigger: 'operator',
    })
    if (recovery.is === 'consistent' || recovery.is === 'repaired')
      await clearOwed(ownPaths(where.stateDir).owed)
    if (inJson) {
      const { store, version, schema, verdict, findings } = recovery.inspection
      const { is, repairId, kept, did, found } = recovery
      sayJson({
        is,
        store,
        version,
        schema,
        verdict,
        gatewayRunning: false,
        findings: findings.map((finding) => withWholeCommand(finding, where)),
        found,
        repairId,
        kept,
        did,
        evidence: evidenceOf(recovery),
      })
    } else {
      sayRecovery(recovery, where)
      if (statusOf(recovery) === exitStatus.ok && isHeldBack(where.stateDir))
        say(`a supervisor waits for this; run: ${clean(wholeCommand('supervise retry', where))}`)
    }
    return statusOf(recovery)
  })
}

const isHeldBack = (stateDir: string): boolean => {
  const read = readStatusFile(ownPaths(stateDir).status)
  const status = read.is === 'known' ? judge(read.status) : null
  return status?.phase === 'held' && status.supervisor !== null
}

const policyOf = (given: Given): Policy => ({
  ...recoveryPolicy(given),
  unarchive: isOn(given, 'unarchive'),
  adopt: isOn(given, 'adopt'),
  tidy: isOn(given, 'tidy'),
  acceptLoss: isOn(given, 'accept-loss'),
})

const evidenceOf = (recovery: Recovery): string | null => ('evidence' in recovery ? recovery.evidence : null)

function sayRecovery(recovery: Recovery, meant: Meant): void {
  for (const finding of recovery.found) sayFinding(finding, meant)
  if (recovery.repairId !== null) {
    say(
      `repair ${recovery.repairId}: kept ${bytes(recovery.kept.reduce((sum, kept) => sum + kept.bytes, 0))} in ${recovery.kept.length} pieces`,
    )
    for (const { path, keptAs } of recovery.kept) say(`  ${clean(path)} -> ${clean(keptAs)}`)
    for (const line of recovery.did) say(`  ${clean(line)}`)
    say(`take it back with: ${clean(wholeCommand(`supervise undo ${recovery.repairId}`, meant))}`)
  }
  for (const why of recovery.trouble) say(`snapshots: ${clean(why)}`)
  if (recovery.is === 'consistent') say('consistent: nothing had to be done')
  else if (recovery.is === 'repaired') say('repaired, and confirmed consistent')
  else {
    say(`${recovery.is}: ${clean(recovery.evidence)}`)
    if (recovery.is === 'needs-operator' && recovery.command !== null)
      say(`run: ${clean(wholeCommand(recovery.command, meant))}`)
  }
}

const statusOf = ({ is }: Recovery): number => {
  if (is === 'consistent' || is === 'repaired') return exitStatus.ok
  return is === 'retry-later' ? exitStatus.later : exitStatus.needsOperator
}
