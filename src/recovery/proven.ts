/**
 * Which databases were there, by what this program alone knows: the last confirmed look, and its own snapshots. For
 * when nothing of the gateway's tells any more, since what tells is gone as well.
 *
 * An agent that its user deleted leaves the same. Where the register of the control plane answers, that decides; where
 * it does not, the configuration does: a deleted agent is not in it, and of an agent that is not in it the gateway would
 * begin no database either.
 */
import { agentOfFolder, agentStore, controlPlane, type Role } from '../openclaw/databases.ts'
import { agentsNamedIn, config, configLimitBytes } from '../openclaw/config-file.ts'
import type { Checkpoint } from './checkpoint.ts'
import { agentsWithSnapshots, newestSnapshot } from './database-snapshots.ts'
import { dirName } from '../openclaw/posix-path.ts'
import type { Eyes } from './eyes.ts'

export interface Proven {
  readonly role: Role
  readonly agentId: string | null
  readonly path: string
}

export async function provenDatabases(
  eyes: Eyes,
  confirmed: Checkpoint | undefined,
): Promise<readonly Proven[]> {
  const { site } = eyes
  const control: Proven = { role: 'state', agentId: null, path: `${site.stateDir}/${controlPlane}` }
  const agents = new Set([...agentsIn(confirmed), ...(await agentsWithSnapshots(site))])
  const candidates = [
    control,
    ...[...agents]
      .toSorted()
      .map((agentId): Proven => ({ role: 'agent', agentId, path: pathOf(eyes, agentId) })),
  ]
  let named: ReadonlySet<string> | null | undefined
  const proven: Proven[] = []
  for (const one of candidates) {
    if (!wasConfirmed(eyes, confirmed, one.path) && (await newestSnapshot(site, one)) === null) continue
    if (one.agentId !== null && (await eyes.stat(one.path)) === undefined) {
      named ??= await agentsNamed(eyes)
      if (named?.has(one.agentId.toLowerCase()) === false) continue
    }
    proven.push(one)
  }
  return proven
}

/** A look names the folder of each database that was there: whether its file may be trusted unread is another matter. */
export const wasConfirmed = (eyes: Eyes, confirmed: Checkpoint | undefined, path: string): boolean =>
  confirmed?.directories.has(eyes.notes.shown(dirName(path))) === true

const agentsIn = (confirmed: Checkpoint | undefined): string[] =>
  [...(confirmed?.directories.keys() ?? [])].flatMap((dir) => agentOfFolder(dir) ?? [])

const pathOf = ({ site }: Eyes, agentId: string): string => `${site.stateDir}/${agentStore(agentId)}`

/** Null where it cannot be told. */
async function agentsNamed(eyes: Eyes): Promise<ReadonlySet<string> | null> {
  const path = await eyes.real(eyes.site.configPath)
  const stat = await eyes.stat(path)
  if (stat?.kind !== 'file' || stat.bytes > configLimitBytes) return null
  const bytes = await eyes.read(path, 0, stat.bytes)
  const read = bytes === undefined ? undefined : config(bytes.toString('utf8'))
  return read?.is === 'sound' ? agentsNamedIn(read.value) : null
}
