/** What lies beside the databases of a store, and keeps its gateway from starting. */
import { sizeAgainst } from '../../host/sqlite-file.ts'
import { quarantineStore } from '../../openclaw/databases.ts'
import { indexName } from '../../openclaw/layout.ts'
import { isGatewayLockName, lockHolder, lockLimitBytes } from '../../openclaw/lock-file.ts'
import { roomToServeBytes } from '../../openclaw/probes.ts'
import { indexLimitBytes, sessionIndex } from '../../openclaw/session-index.ts'
import { outsideOf } from '../database-file.ts'
import type { Eyes } from '../eyes.ts'
import type { Kind } from '../finding.ts'
import { asideBeside } from './database-remedies.ts'

/** Never on a disk that is full: the gateway would say ready, fail each turn, and hang over its stop. */
export function lookAtRoom({ site, notes }: Eyes): void {
  const free = site.freeBytes?.()
  if (free === undefined || free >= roomToServeBytes) return
  notes.found({
    kind: 'disk-full',
    severity: 'blocks',
    path: site.stateDir,
    evidence: `${free} bytes are free, and a gateway needs ${roomToServeBytes}: it would say that it is ready, and fail at every turn`,
    repair: null,
    without: 'retry-later',
  })
}

export async function lookAtQuarantine(eyes: Eyes): Promise<void> {
  const { notes, site } = eyes
  const path = `${site.stateDir}/${quarantineStore}`
  const seen = await outsideOf(eyes, { role: 'state', agentId: null, path })
  if (seen?.stat == null || seen.stat.bytes === 0) return
  const outside =
    seen.header.is === 'no-database'
      ? `${seen.stat.bytes} bytes: ${seen.header.why}`
      : sizeAgainst(seen.header, seen.stat.bytes)
  const looked =
    outside === null ? await site.databases?.look(path, { depth: 'quick', json: [], ask: {} }) : undefined
  const why =
    outside ??
    (looked?.is === 'unreadable' ? looked.why : looked?.is === 'read' ? looked.damage[0] : undefined)
  if (why === undefined) return
  const because = notes.found({
    kind: 'quarantine-db-garbage',
    severity: 'blocks',
    path,
    evidence: `${why}: the gateway would end with 1 at each start`,
    repair: 'set it aside: the gateway derives it anew',
  })
  asideBeside(notes, seen, [because])
  notes.remedy('content', path, [because], { do: 'set-aside', found: seen.stat })
}

/**
 * 2026.9.6 refuses them where its own build has marked the migrations as done, and imports them where another has: where
 * the package is not found, either may be what is started.
 */
export async function lookAtReappeared(eyes: Eyes, path: string, stampedBy: string | null): Promise<void> {
  const { notes, site } = eyes
  const who =
    site.installed == null && stampedBy !== null
      ? `OpenClaw ${stampedBy} refuses to start (which one is installed was not found; another may import them at its start: name it, as in \`supervise run -- node /path/to/openclaw.mjs gateway run\`)`
      : 'the gateway refuses to start'
  const stat = await eyes.file(path)
  const bytes = stat === undefined ? undefined : await eyes.whole(path, stat, indexLimitBytes)
  if (stat === undefined || bytes === undefined) return
  const index = sessionIndex(bytes)
  const finding = { kind: 'legacy-index-reappeared' as Kind, severity: 'blocks', path } as const
  if (index.is === 'sound') {
    notes.found({
      ...finding,
      evidence: `${index.entries.size} sessions in a file, beside databases that are marked as migrated: ${who} until its doctor has imported them and archived the file. It may change more than that, and no copy is kept for you: keep one of the state first`,
      repair: null,
      without: 'needs-operator',
      command: 'openclaw doctor --fix --non-interactive',
    })
    return
  }
  const because = notes.found({
    ...finding,
    evidence: `${stat.bytes} bytes of ${indexName} beside databases that are marked as migrated, ${index.why}: the gateway refuses to start, and its doctor cannot import it`,
    repair: 'set it aside',
  })
  notes.remedy('content', path, [because], { do: 'set-aside', found: stat })
}

/** 2026.9.6 keeps them inside the state: tmp/openclaw-<uid>/gateway.<what>.lock. */
export async function lookAtGatewayLocks(eyes: Eyes): Promise<void> {
  const { notes, site } = eyes
  const tmp = `${site.stateDir}/tmp`
  if ((await eyes.stat(tmp)) === undefined) return
  for (const folder of (await eyes.list(tmp)) ?? []) {
    if (folder.kind !== 'directory' || !folder.name.startsWith('openclaw-')) continue
    const dir = `${tmp}/${folder.name}`
    for (const { name, kind } of (await eyes.list(dir)) ?? []) {
      if (kind !== 'file' || !isGatewayLockName(name)) continue
      const path = `${dir}/${name}`
      const stat = await eyes.file(path)
      const bytes = stat === undefined ? undefined : await eyes.read(path, 0, lockLimitBytes)
      if (stat === undefined || bytes === undefined) continue
      if (lockHolder(bytes.toString('utf8')).pid !== null) continue
      const because = notes.found({
        kind: 'gateway-lock-garbage',
        severity: 'blocks',
        path,
        evidence: `${stat.bytes} bytes that name no process: the gateway would wait for it, and fail twice`,
        repair: 'set it aside',
      })
      notes.remedy('evidence', path, [because], { do: 'set-aside', found: stat })
    }
  }
}
