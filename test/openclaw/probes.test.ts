/** What the answers of each era mean, as real gateways gave them. */
import { expect, test } from 'vitest'
import { readinessOf, startupOf } from '../../src/openclaw/probes.ts'

test('a start that goes on, one that is over, and a page of the control UI', () => {
  const starting = { ok: false, status: 'starting', version: '2026.9.6', pendingReason: 'startup-sidecars' }
  expect(startupOf({ status: 503, json: starting })).toEqual({ is: 'not-yet', why: 'startup-sidecars' })
  expect(startupOf({ status: 200, json: { ok: true, status: 'started' } })).toEqual({ is: 'started' })
  expect(startupOf({ status: 503, json: { ok: false, status: 'draining' } })).toEqual({
    is: 'not-yet',
    why: 'draining',
  })
  expect(startupOf({ status: 200, json: undefined })).toEqual({ is: 'stranger' })
})

test('a gateway that serves, with channels that it keeps down; one whose channel fails; one that drains', () => {
  const ready = { ready: true, failing: [], suppressed: ['telegram'] }
  expect(readinessOf({ status: 200, json: ready })).toEqual({
    is: 'suppressed',
    suppressed: ['telegram'],
  })
  expect(readinessOf({ status: 200, json: { ready: true, failing: [] } })).toEqual({ is: 'ready' })
  expect(readinessOf({ status: 503, json: { ready: false, failing: ['telegram'] } })).toEqual({
    is: 'failing',
    failing: ['telegram'],
  })
  expect(readinessOf({ status: 503, json: { ready: false, failing: ['gateway-draining'] } })).toEqual({
    is: 'draining',
  })
})
