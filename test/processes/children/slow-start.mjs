// Alive at once, ready only after the milliseconds given (1500).
import { argument, serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
const due = Date.now() + Number(argument(0, 1500))
serve({ ready: () => Date.now() >= due })
