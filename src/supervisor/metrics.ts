/** What is counted and measured, in the words of Prometheus, from the same entries that the history is made of. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Unstamped, Entry } from './ledger.ts'
import type { Status } from './status.ts'

export interface Metrics {
  took(entry: Unstamped<Entry>): void
  probed(probe: 'liveness' | 'readiness', ms: number): void
  text(status: Status): Promise<string>
}

const phases: readonly Status['phase'][] = [
  'taking-over',
  'recovering',
  'backing-off',
  'starting',
  'running',
  'draining',
  'stopping',
  'held',
  'stopped',
]
const seconds = {
  start: [0.5, 1, 2, 5, 10, 20, 60, 180, 600],
  recovery: [0.01, 0.05, 0.2, 1, 5, 20, 60, 300],
}

export function openMetrics(): Metrics {
  const registers = [new Registry()]
  const phase = new Gauge({
    name: 'supervise_phase',
    help: '1 for the phase it is in',
    labelNames: ['phase'],
    registers,
  })
  const ready = new Gauge({
    name: 'supervise_gateway_ready',
    help: '1 while the gateway is seen ready',
    registers,
  })
  const ends = new Counter({
    name: 'supervise_gateway_ends_total',
    help: 'Ends of the gateway by cause',
    labelNames: ['cause'],
    registers,
  })
  const starts = new Counter({ name: 'supervise_gateway_starts_total', help: 'Gateways started', registers })
  const toReady = new Histogram({
    name: 'supervise_gateway_ready_seconds',
    help: 'From the spawn until seen ready',
    buckets: seconds.start,
    registers,
  })
  const recoveries = new Histogram({
    name: 'supervise_recovery_seconds',
    help: 'Recoveries by verdict',
    labelNames: ['verdict'],
    buckets: seconds.recovery,
    registers,
  })
  const findings = new Counter({
    name: 'supervise_findings_total',
    help: 'What was found wrong',
    labelNames: ['kind'],
    registers,
  })
  const repairs = new Counter({
    name: 'supervise_repaired_total',
    help: 'What was put right',
    labelNames: ['kind'],
    registers,
  })
  const holds = new Counter({
    name: 'supervise_holds_total',
    help: 'Times it was held, by kind',
    labelNames: ['kind'],
    registers,
  })
  const left = new Gauge({
    name: 'supervise_budget_left',
    help: 'What may still fail in a row',
    labelNames: ['budget'],
    registers,
  })
  const probes = new Histogram({
    name: 'supervise_probe_seconds',
    help: 'Answered probes of the gateway',
    labelNames: ['probe'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 5],
    registers,
  })
  return {
    took(entry) {
      if (entry.event === 'started') starts.inc()
      if (entry.event === 'ready') toReady.observe(entry.afterMs / 1000)
      if (entry.event === 'ended') ends.inc({ cause: entry.why })
      if (entry.event === 'held') holds.inc({ kind: entry.kind })
      if (entry.event === 'recovered') {
        recoveries.observe({ verdict: entry.verdict }, entry.tookMs / 1000)
        for (const [kind, count] of Object.entries(entry.found)) findings.inc({ kind }, count)
        for (const [kind, count] of Object.entries(entry.repaired)) repairs.inc({ kind }, count)
      }
    },
    probed: (probe, ms) => probes.observe({ probe }, ms / 1000),
    async text(status) {
      for (const one of phases) phase.set({ phase: one }, status.phase === one ? 1 : 0)
      ready.set(status.ready ? 1 : 0)
      for (const budget of ['crashes', 'recoveries', 'restarts', 'contentions'] as const)
        left.set({ budget }, status.budgets[budget].left)
      return await registers[0]!.metrics()
    },
  }
}
