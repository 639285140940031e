/**
 * How a gateway is started so that it can be supervised: the environment is built here, not inherited.
 *
 * A gateway that restarts itself (configuration change, SIGUSR1, RPC) does it in one of three ways: it forks a
 * detached copy and ends (nobody supervises the copy), it starts over inside the same process, or it ends and
 * leaves the start to its supervisor. Only the last is right here, and which variable brings it about depends
 * on the version (2026.4.26 dist: restartGatewayProcessWithFreshPid; 2026.9.6: OPENCLAW_SUPERVISOR_MODE).
 */
import type { Era } from './era.ts'
import { commandVariable } from './process-title.ts'
import type { Environment, Profile } from './settings.ts'

/** What the package.json of the installed OpenClaw tells. */
export interface Package {
  readonly version: string
  /** Since 2026.8: which database schemas it writes. Absent: the era of files. */
  readonly schemaVersions: Readonly<Record<string, number>> | null
}

export function packageOf(json: unknown): Package | null {
  const { name, version, openclaw } = (json ?? {}) as Record<string, unknown>
  if (name !== 'openclaw' || typeof version !== 'string') return null
  const schemas = (openclaw as { schemaVersions?: unknown } | undefined)?.schemaVersions
  return {
    version,
    schemaVersions:
      typeof schemas === 'object' && schemas !== null ? (schemas as Record<string, number>) : null,
  }
}

/**
 * Each would make the gateway believe something that is not so; the reason stands beside it.
 *
 * NODE_OPTIONS is passed on, though OpenClaw's own unit empties it: whoever sets it for `supervise` means the gateway
 * (its heap, its certificates), there is no other way to say so, and no version becomes a wrapper because of it.
 */
const neverPassedOn: readonly string[] = [
  // Meant for us alone: the child must not speak in our name.
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_PIDFDID',
  'LISTEN_FDNAMES',
  'FDSTORE',
  'MAINPID',
  'MANAGERPID',
  'MANAGERPIDFDID',
  // Taken for "systemd is my supervisor": 2026.9 then asks systemctl for our unit's time limits.
  'INVOCATION_ID',
  'SYSTEMD_EXEC_PID',
  'JOURNAL_STREAM',
  // Restart inside the same process; wins over every hint below.
  'OPENCLAW_NO_RESPAWN',
  // At its start it would signal every other gateway on the port.
  'OPENCLAW_SERVICE_MARKER',
  'OPENCLAW_SERVICE_KIND',
  // Told apart by it from a command (process-title.ts).
  commandVariable,
  // 2026.9.6 then runs as the child of a wrapper, and our pid would not be the gateway's.
  'NODE_COMPILE_CACHE',
  // An inspector on a fixed port, or an inherited handle, is for one process only.
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
]

/**
 * In the environment of a gateway and of all that it starts: which run of it they belong to, whoever their parent
 * and their session are by then. (A name of ours: `SUPERVISE_` is for settings.)
 */
export const runVariable = 'SUPERVISED_RUN'

export interface Place {
  readonly stateDir: string
  readonly configPath: string
  readonly port: number
  readonly profile: Profile
}

/** Where the gateway looks is said in so many words, so that it and we cannot come to different answers. */
export function childEnvironment(
  inherited: Environment,
  place: Place,
  era: Era,
  run: string,
): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(inherited))
    if (value !== undefined && !neverPassedOn.includes(name) && !name.startsWith('SUPERVISE_'))
      env[name] = value
  env[runVariable] = run
  env['OPENCLAW_STATE_DIR'] = place.stateDir
  env['OPENCLAW_CONFIG_PATH'] = place.configPath
  env['OPENCLAW_GATEWAY_PORT'] = String(place.port)
  // Its workspace up to 2026.7, and its log since 2026.8, bear the name.
  if (place.profile.isChosen) env['OPENCLAW_PROFILE'] = place.profile.name ?? 'default'
  // 2026.8 and later: restart means a hand-off and exit 0; native service operations are refused. Unknown to
  // older versions, and harmless there.
  env['OPENCLAW_SUPERVISOR_MODE'] = 'external'
  env['OPENCLAW_SERVICE_REPAIR_POLICY'] = 'external'
  // The era of files knows supervisors only as systemd, and recognises it by this name; where 2026.8 and later see
  // both, `external` decides about restarts.
  if (era !== 'rows') env['OPENCLAW_SYSTEMD_UNIT'] ??= 'supervise.service'
  else delete env['OPENCLAW_SYSTEMD_UNIT']
  return env
}
