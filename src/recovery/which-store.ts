/** Which era of OpenClaw wrote a state directory, if any: what is not understood is not touched. */
import { sqliteAgentStore, sqliteControlPlane, stateNames } from '../openclaw/layout.ts'
import { quoted, type Eyes } from './eyes.ts'
import { isOurs } from './places.ts'
import type { Store } from './verdict.ts'

export async function storeOf(eyes: Eyes): Promise<Store> {
  const { stateDir } = eyes.site
  const entries = await eyes.list(stateDir)
  if (entries === undefined) {
    const known = eyes.notes.findings.length > 0
    return known ? 'unknown' : 'none'
  }
  const theirs = entries.filter(({ name }) => !isOurs(name))
  const isBySqlite = await firstSqlite(eyes)
  if (isBySqlite !== undefined) {
    unknown(
      eyes,
      isBySqlite,
      'written by the SQLite era of OpenClaw, 2026.8.1 and later, which this version of supervise does not check yet',
    )
    return 'sqlite'
  }
  if (theirs.some(({ name }) => name === 'agents')) return 'file'
  if (theirs.length === 0 || theirs.some(({ name }) => stateNames.has(name))) return 'none'
  unknown(eyes, stateDir, `no state of OpenClaw: ${theirs.length} names, none of them its own`)
  return 'unknown'
}

async function firstSqlite(eyes: Eyes): Promise<string | undefined> {
  const { stateDir } = eyes.site
  const candidates = [`${stateDir}/${sqliteControlPlane}`]
  const agents =
    (await eyes.stat(`${stateDir}/agents`)) === undefined ? [] : await eyes.list(`${stateDir}/agents`)
  for (const { name, kind } of agents ?? [])
    if (kind === 'directory') candidates.push(`${stateDir}/agents/${name}/${sqliteAgentStore}`)
  for (const path of candidates) if ((await eyes.stat(path)) !== undefined) return path
  return undefined
}

function unknown(eyes: Eyes, path: string, evidence: string): void {
  const { policy, stateDir } = eyes.site
  eyes.notes.found({
    kind: 'unknown-store',
    severity: policy.unknownStore === 'start' ? 'benign' : 'blocks',
    path,
    evidence,
    repair: null,
    ...(policy.unknownStore === 'start'
      ? {}
      : {
          without: 'needs-operator',
          command: `supervise run --state-dir ${quoted(stateDir)} --unknown-store start`,
        }),
  })
}
