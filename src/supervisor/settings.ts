/** Everything `supervise run` was told, resolved and checked by the command line before anything is touched. */
import type { Policy } from '../lifecycle/lifecycle.ts'
import type { HttpAddress } from './http.ts'
import type { Era } from '../openclaw/era.ts'
import type { LogPlace } from '../openclaw/gateway-log.ts'
import type { Package } from '../openclaw/launch.ts'
import type { Policy as RecoveryPolicy } from '../recovery/site.ts'

export interface Listening {
  readonly port: number
  readonly scheme: 'http' | 'https'
  /** Where the gateway listens besides the loopback addresses. */
  readonly addresses: readonly string[]
  /** Of the child, all of it; which contract it declares depends on what is started. */
  readonly environment: (era: Era, run: string) => Readonly<Record<string, string>>
  readonly gatewayLog: LogPlace
}

export interface Settings {
  /** Real path. */
  readonly stateDir: string
  readonly configPath: string
  /** Whether anything there is OpenClaw's; otherwise nothing is written, not even our own folder. */
  readonly isState: boolean
  readonly gatewayLockDir: string
  /** As its configuration says now. Asked again at each start: the gateway restarts itself when that changes. */
  readonly listening: () => Listening
  readonly command: {
    readonly file: string
    readonly args: readonly string[]
    readonly cwd: string
  }
  /** What is installed, where it could be found. Asked again at each start: an update can come in between. */
  readonly installed: () => Package | null
  readonly lifecycle: Policy
  readonly recovery: RecoveryPolicy
  readonly probeEveryMs: number
  readonly probeTimeoutMs: number
  /** No answer to any liveness probe for so long is a hang. */
  readonly hangAfterMs: number
  /** After the child's end: how long what it left behind has to end by itself. */
  readonly sweepMs: number
  readonly orphan: 'stop' | 'refuse'
  /** `consume`: a hand-off is taken by OpenClaw's own command, too. */
  readonly handOff: 'read' | 'consume'
  /** Where probes and scrapers are answered; null: nothing listens. */
  readonly http: HttpAddress | null
}
