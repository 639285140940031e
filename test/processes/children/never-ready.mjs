// Alive, and never ready.
import { serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
serve({ ready: () => false })
