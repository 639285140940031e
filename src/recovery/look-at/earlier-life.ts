/** What an earlier life of the gateway left for the next one to stumble over: its intent to restart, its own lock. */
import { restartIntentName } from '../../openclaw/layout.ts'
import { gatewayLockName, lockHolder, lockLimitBytes } from '../../openclaw/lock-file.ts'
import type { Eyes } from '../eyes.ts'
import { sha256 } from '../hash.ts'
import { isJson } from './is-json.ts'

export async function lookAtRestartIntent(eyes: Eyes): Promise<void> {
  const path = `${eyes.site.stateDir}/${restartIntentName}`
  const stat = await eyes.stat(path)
  if (stat === undefined || eyes.site.liveGatewayPid !== undefined) return
  const because = eyes.notes.found({
    kind: 'restart-intent-stale',
    severity: 'blocks',
    path,
    evidence:
      'left by an earlier life of the gateway: a later SIGTERM would be taken for a restart, and drain for ever',
    repair: 'set it aside',
  })
  eyes.notes.remedy('evidence', path, [because], { do: 'set-aside', found: stat })
}

export async function lookAtGatewayLock(eyes: Eyes): Promise<void> {
  const { site, notes } = eyes
  if (site.gatewayLockDir === null || site.liveGatewayPid !== undefined) return
  const path = `${site.gatewayLockDir}/${gatewayLockName(sha256(site.configPath))}`
  const stat = await eyes.file(path)
  if (stat === undefined) return
  const bytes = await eyes.read(path, 0, lockLimitBytes)
  if (bytes === undefined) return
  const holder = lockHolder(bytes.toString('utf8'))
  // With a pid in it, the gateway asks whether the port is free, and removes it.
  if (holder.pid !== null && isJson(bytes.toString('utf8'))) return
  const because = notes.found({
    kind: 'gateway-lock-stale',
    severity: 'blocks',
    path,
    evidence: `${stat.bytes} bytes that name no process: the gateway would say that it is already running, and exit 0`,
    repair: 'set it aside',
  })
  notes.remedy('evidence', path, [because], { do: 'set-aside', found: stat })
}
