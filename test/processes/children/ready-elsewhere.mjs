// Ready, and listening at one address that is not the usual one.
import { serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
serve({ host: '127.0.0.2' })
