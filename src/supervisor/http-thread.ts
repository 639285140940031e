/** Runs on a thread of its own: answers probes and scrapers from what the supervisor told last. */
import { systemClock as clock } from '../host/clock.ts'
import { listenHttp } from '../host/http-server.ts'
import { fromParent, given, toParent } from '../host/thread.ts'
import { answer } from './endpoints.ts'
import type { Told } from './http.ts'
import { openMetrics } from './metrics.ts'
import type { Status } from './status.ts'

const { host, port } = given as { host: string; port: number }
const metrics = openMetrics()
let status: Status | null = null
let lastBeatAt = clock.monotonicMs()

fromParent((message) => {
  const told = message as Told
  lastBeatAt = clock.monotonicMs()
  if (told.is === 'status') status = told.status
  if (told.is === 'entry') metrics.took(told.entry)
  if (told.is === 'probe') metrics.probed(told.probe, told.ms)
})

try {
  const reply = (path: string) =>
    answer(path, { status, silentForMs: clock.monotonicMs() - lastBeatAt }, metrics)
  toParent({ is: 'listening', port: await listenHttp(host, port, reply) })
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  toParent({ is: 'failed', why: code ?? message })
}
