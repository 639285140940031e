/** `supervise undo ID`: every byte that a repair took out of the way goes back where it was. */
import type { Environment } from '../openclaw/settings.ts'
import { defaultPolicy } from '../recovery/site.ts'
import { undo as undoRepair } from '../recovery/undo.ts'
import { repairs } from '../recovery/repairs.ts'
import { siteOn } from '../supervisor/this-machine.ts'
import { wholeCommand } from '../supervisor/whole-command.ts'
import { complain } from './complain.ts'
import { exitStatus } from './exit-statuses.ts'
import { isOn, whereFlags, type Flags, type Parsed } from './flags.ts'
import { clean, say, sayJson } from './output.ts'
import { UsageError } from './usage-error.ts'
import { stateOrUsage } from './where.ts'
import { withState } from './with-state.ts'

export const undoFlags = { ...whereFlags, json: { help: 'one JSON object' } } satisfies Flags

export async function undo({ given, positionals, rest }: Parsed, env: Environment): Promise<number> {
  const [id] = positionals
  if (id === undefined || positionals.length > 1 || rest.length > 0)
    throw new UsageError('undo takes the id of one repair: see `supervise history`')
  const where = stateOrUsage(given, env)
  const whole = (command: string): string => clean(wholeCommand(command, where))
  const site = siteOn({ ...where, policy: defaultPolicy })
  const known = await repairs(site)
  if (!known.some((repair) => repair.id === id))
    throw new UsageError(`there is no repair ${JSON.stringify(id)}: see \`${whole('supervise history')}\``)
  return withState(where, env, async () => {
    const outcome = await undoRepair(site, id, 'operator')
    if (isOn(given, 'json')) sayJson(outcome)
    switch (outcome.is) {
      case 'undone':
        if (isOn(given, 'json')) return exitStatus.ok
        for (const path of outcome.restored) say(`restored ${clean(path)}`)
        say(`undone. The state is as it was before: the next \`supervise run\` will repair it again.`)
        say(`take this back with: ${whole(`supervise undo ${outcome.repairId}`)}`)
        return exitStatus.ok
      case 'refused':
        complain(
          outcome.command === null ? outcome.evidence : `${outcome.evidence}; run: ${whole(outcome.command)}`,
        )
        return exitStatus.needsOperator
      case 'retry-later':
        complain(outcome.evidence)
        return exitStatus.later
    }
  })
}
