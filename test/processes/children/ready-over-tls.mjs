// Ready, over TLS only.
import { createServer } from 'node:https'
import { cert, key } from './certificate.mjs'
import { serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
serve({ make: (listener) => createServer({ cert, key }, listener) })
