/** `supervise history`: causes and repairs, readable while nobody runs. */
import type { Environment } from '../openclaw/settings.ts'
import { repairs } from '../recovery/repairs.ts'
import { defaultPolicy } from '../recovery/site.ts'
import type { RepairRecord } from '../recovery/verdict.ts'
import { readLedger, type Entry } from '../supervisor/ledger.ts'
import { ownPaths } from '../supervisor/own-paths.ts'
import { siteOn } from '../supervisor/this-machine.ts'
import { exitStatus } from './exit-statuses.ts'
import { isOn, numberOf, whereFlags, type Flags, type Parsed } from './flags.ts'
import { bytes, clean, plural, say, sayJson } from './output.ts'
import { noArguments, stateOrUsage } from './where.ts'

export const historyFlags = {
  ...whereFlags,
  lines: { value: 'N', help: 'how many events, the newest', fallback: '40' },
  json: { help: 'one JSON object' },
} satisfies Flags

export async function history(parsed: Parsed, env: Environment): Promise<number> {
  noArguments(parsed)
  const where = stateOrUsage(parsed.given, env)
  const most = numberOf(parsed.given, 'lines', 40, 1, 100_000)
  const done = await repairs(siteOn({ ...where, policy: defaultPolicy }))
  const events = readLedger(ownPaths(where.stateDir).ledger).slice(-most)
  if (isOn(parsed.given, 'json')) {
    sayJson({ events, repairs: done })
    return exitStatus.ok
  }
  if (events.length === 0 && done.length === 0) say('nothing has happened yet')
  for (const event of events) say(`${event.at}  ${clean(wordsOf(event))}`)
  if (done.length > 0) say(`\nrepairs:`)
  for (const repair of done) {
    say(`${repair.id}  ${clean(wordsOfRepair(repair))}`)
    for (const line of repair.did) say(`  ${clean(line)}`)
  }
  return exitStatus.ok
}

function wordsOf(entry: Entry): string {
  const child = entry.child > 0 ? `gateway ${entry.child} ` : ''
  switch (entry.event) {
    case 'supervising':
      return `supervisor pid ${entry.pid} began: ${entry.command}`
    case 'took-over': {
      const behind =
        entry.leftBehind.length > 0
          ? `ended ${plural(entry.leftBehind.length, 'process', 'processes')} that it left behind`
          : 'nothing was left behind'
      return `took over from an earlier supervisor: ${entry.pid === null ? '' : `stopped its gateway, pid ${entry.pid}; `}${behind}`
    }
    case 'recovered':
      return `state: ${entry.verdict}${entry.repairId === null ? '' : ` (repair ${entry.repairId})`}, ${entry.detail}`
    case 'started':
      return `${child}started: pid ${entry.pid}${entry.version === null ? '' : `, OpenClaw ${entry.version}`}`
    case 'updated':
      return `OpenClaw ${entry.to} is installed; what last worked here was ${entry.from}`
    case 'ready':
      return `${child}ready after ${(entry.afterMs / 1000).toFixed(1)} s`
    case 'ended': {
      const behind =
        entry.leftBehind?.length > 0
          ? `, left ${plural(entry.leftBehind.length, 'process', 'processes')} behind`
          : ''
      return `${child}ended${entry.wasReady ? '' : ' before it was ready'}: ${clean(entry.detail)} (${entry.why})${behind}`
    }
    case 'held':
      return `held (${entry.kind}): ${entry.evidence}`
    case 'ordered':
      return `ordered to ${entry.order}`
    case 'left':
      return `supervisor left: ${entry.because}`
  }
}

const wordsOfRepair = ({ state, undoes, kinds, kept, keptBytes }: RepairRecord): string => {
  const what =
    undoes === null
      ? kinds.map(({ kind, count }) => (count === 1 ? kind : `${kind} x${count}`)).join(', ')
      : `took back ${undoes}`
  return `${state}: ${what}; kept ${bytes(keptBytes)} in ${plural(kept.length, 'piece')}`
}
