/**
 * What each path answers, when `--http` asked for them:
 *
 *   /livez    the supervisor's own loop turns; says nothing of the gateway
 *   /readyz   the gateway is seen ready; else what is failing, or suppressed
 *   /status   the status, as `supervise status --json`
 *   /metrics  Prometheus text
 */
import type { Reply } from '../host/http-server.ts'
import type { Metrics } from './metrics.ts'
import type { Status } from './status.ts'

/** The loop tells that it turns every second; so many without are a loop that stands. */
export const beatMs = 1_000
const silentMs = 10_000

export interface Known {
  readonly status: Status | null
  /** ms since the loop last told that it turns. */
  readonly silentForMs: number
}

const json = (status: number, body: unknown): Reply => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(body)}\n`,
})

export async function answer(path: string, { status, silentForMs }: Known, metrics: Metrics): Promise<Reply> {
  const live = silentForMs < silentMs
  switch (path) {
    case '/livez':
      return json(live ? 200 : 503, { live, silentForMs: Math.round(silentForMs) })
    case '/readyz': {
      const ready = live && status?.ready === true
      return json(ready ? 200 : 503, {
        ready,
        phase: status?.phase ?? null,
        reason: status?.reason ?? null,
        readiness: status?.readiness ?? null,
      })
    }
    case '/status':
      return status === null ? json(503, { error: 'not known yet' }) : json(200, status)
    case '/metrics':
      return status === null
        ? json(503, { error: 'not known yet' })
        : { status: 200, type: 'text/plain; version=0.0.4', body: await metrics.text(status) }
    default:
      return json(404, { error: 'no such path', paths: ['/livez', '/readyz', '/status', '/metrics'] })
  }
}
