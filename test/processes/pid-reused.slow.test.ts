/**
 * The supervisor is killed, and its pid (or its gateway's, too) is given to somebody else before it is started again:
 * nobody is mistaken for the one that had the number, and the stranger is left alone. In a PID namespace, where the
 * next pid can be chosen (process-table.ts; send-signal.ts 2).
 */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { describe as describeProcess } from '../../src/host/process-table.ts'
import type { Status } from '../../src/supervisor/status.ts'
import { countGateways, gatewaysOf, rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()
const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']
const choosing = 'echo 40 > /proc/sys/kernel/ns_last_pid && test "$(sh -c "echo \\$\\$")" -gt 40'
const canChoose = spawnSync(unshare[0]!, [...unshare.slice(1), 'sh', '-c', choosing]).status === 0

/** PID 1: starts the program, waits for a phase of it, kills it, gives its number away, and starts it again. */
const script = `
  status="$OPENCLAW_STATE_DIR/supervise/status.json"
  reached() { grep -q "\\"phase\\":\\"$1\\"" "$status" 2>/dev/null && grep -q "\\"supervisor\\":{\\"pid\\":$first," "$status"; }
  until_reached() { tries=0; until reached "$1"; do tries=$((tries + 1)); [ $tries -lt 500 ] || exit 7; sleep 0.02; done; }
  reuse() { echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid; sleep 4711 & [ $! = $1 ] || exit 9; }
  "$@" & first=$!
  if [ -n "$ORPHAN" ]; then until_reached running; kill -9 $first; wait $first; "$@" & first=$!; fi
  if [ -n "$ORDER" ]; then until_reached running; kill -$ORDER $first; fi
  until_reached $PHASE
  gateway=$(sed -n 's/.*"child":{"pid":\\([0-9]*\\),.*/\\1/p' "$status")
  kill -9 $first
  wait $first
  if [ -n "$BOTH" ]; then kill -9 $gateway; while [ -e /proc/$gateway ]; do sleep 0.02; done; reuse $gateway; fi
  reuse $first
  echo 1000 > /proc/sys/kernel/ns_last_pid
  "$@" & wait $!`

interface Story {
  readonly phase: Status['phase']
  readonly child: string
  readonly flags?: readonly string[]
  /** Before: one that is killed while it runs. */
  readonly orphan?: boolean
  readonly order?: string
  /** Its gateway is killed, too, and that number is given away as well. */
  readonly both: boolean
}
const stories: readonly Story[] = [
  { phase: 'taking-over', child: 'one-at-a-time 0 800', orphan: true, both: false },
  { phase: 'recovering', child: 'one-at-a-time', both: false },
  { phase: 'starting', child: 'one-at-a-time 60000', both: false },
  { phase: 'running', child: 'one-at-a-time', both: false },
  { phase: 'running', child: 'one-at-a-time', both: true },
  { phase: 'draining', child: 'one-at-a-time 0 800', order: 'HUP', both: false },
  { phase: 'stopping', child: 'one-at-a-time 0 800', order: 'TERM', both: false },
  {
    phase: 'backing-off',
    child: 'exit-3-after-ready',
    flags: ['--backoff=1h', '--backoff-max=1h'],
    both: false,
  },
  { phase: 'held', child: 'exit-78', flags: ['--on-hold=wait'], both: false },
]

describe.runIf(canChoose)('the number is somebody else’s by now', () => {
  test.each(stories)('killed while $phase, with its gateway: $both', async (story) => {
    const { phase, child, flags = [], orphan = false, order = '', both } = story
    const room = await enter()
    const env = { PHASE: phase, ORPHAN: orphan ? 'yes' : '', ORDER: order, BOTH: both ? 'yes' : '' }
    const under = [...unshare, 'sh', '-c', script, 'sh']
    const counted = countGateways(room)
    const outer = room.run(child, { under, env, flags: ['--stop-limit=10s', ...flags] })
    const again = order !== '' || ['taking-over', 'recovering'].includes(phase) ? 'running' : phase
    await room.reaches(
      `${again} again`,
      (status) => status.phase === again && (status.supervisor?.pid ?? 0) > 1000,
      20_000,
    )
    if (phase === 'starting') await until('it has a gateway', () => gatewaysOf(room).length === 1)
    expect(outer.end(), outer.said()).toBeUndefined()
    const strangers = room.inhabitants().filter(({ pid }) => describeProcess(pid)?.command === 'sleep 4711')
    expect(strangers).toHaveLength(both ? 2 : 1)
    expect(room.journal().filter((line) => line.startsWith('overlap'))).toEqual([])
    expect(await counted()).toBe(1)
  })
})
