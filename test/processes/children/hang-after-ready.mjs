// Its loop stands still as soon as somebody was told that it is ready: no answer, no SIGTERM.
import { longestLifeMs, serve } from './endpoints.mjs'
process.on('SIGTERM', () => process.exit(0))
serve({ told: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, longestLifeMs) })
