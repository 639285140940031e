/** `supervise check`: what would be found, nothing changed. Works while the gateway runs, and says that it does. */
import type { Environment } from '../openclaw/settings.ts'
import { dryRun } from '../recovery/recover.ts'
import { defaultPolicy, type Policy } from '../recovery/site.ts'
import type { DryRun } from '../recovery/verdict.ts'
import { runningGateway, type RunningGateway } from '../supervisor/running-gateway.ts'
import { siteOn } from '../supervisor/this-machine.ts'
import { exitStatus } from './exit-statuses.ts'
import { isOn, whereFlags, type Flags, type Parsed } from './flags.ts'
import { clean, say, sayJson } from './output.ts'
import { wholeCommand } from '../supervisor/whole-command.ts'
import { sayInspection, withWholeCommand } from './render-findings.ts'
import { installedHere, noArguments, portsOf, stateOrUsage, type Where } from './where.ts'

export const checkFlags = {
  ...whereFlags,
  thorough: { help: 'read every file whole, whatever an earlier look has confirmed' },
  json: { help: 'one JSON object' },
} satisfies Flags

export interface Look {
  readonly where: Where
  readonly running: RunningGateway | null
  readonly seen: DryRun
}

export async function look(where: Where, env: Environment, policy: Policy, thorough: boolean): Promise<Look> {
  const running = await runningGateway({ ...where, ports: portsOf(where, env) })
  // One that may not be looked at has no number to compare with.
  const live = running === null ? {} : { liveGatewayPid: running.who?.pid ?? 0 }
  const seen = await dryRun(
    { ...siteOn({ ...where, policy, installed: installedHere(env) }), ...live },
    { owed: thorough ? 'another-boot' : 'no' },
  )
  return { where, running, seen }
}

export async function check(parsed: Parsed, env: Environment): Promise<number> {
  noArguments(parsed)
  const where = stateOrUsage(parsed.given, env)
  const { running, seen } = await look(where, env, defaultPolicy, isOn(parsed.given, 'thorough'))
  const { inspection, cutShort } = seen
  if (isOn(parsed.given, 'json')) {
    const { store, version, schema, verdict, findings, counts } = inspection
    sayJson({
      store,
      version,
      schema,
      verdict,
      gatewayRunning: running !== null,
      stateDir: where.stateDir,
      findings: findings.map((finding) => withWholeCommand(finding, where)),
      counts,
      cutShort,
    })
  } else {
    say(`state: ${clean(where.stateDir)}`)
    sayInspection(inspection, where)
    if (running !== null) say(clean(running.evidence))
    for (const id of cutShort)
      say(
        `repair ${id} was cut short; the next start finishes it, or: ${clean(wholeCommand('supervise repair', where))}`,
      )
  }
  return statusOf(inspection)
}

/** Damage that is benign may be put right by the way, and is no reason to fail a script. */
const statusOf = ({ verdict, findings }: DryRun['inspection']): number => {
  if (verdict === 'retry-later') return exitStatus.later
  const isSafe = verdict !== 'needs-operator' && findings.every((finding) => finding.severity === 'benign')
  return isSafe ? exitStatus.ok : exitStatus.needsOperator
}
