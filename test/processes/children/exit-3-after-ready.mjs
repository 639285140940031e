// Ends with 3 as soon as somebody was told that it is ready.
import { serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
serve({ told: () => process.exit(3) })
