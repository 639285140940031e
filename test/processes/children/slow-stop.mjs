// Ready; after SIGTERM it drains for the milliseconds given (1000), then ends with 0.
import { argument, note, serve } from './endpoints.mjs'
process.on('SIGTERM', () => {
  note('draining')
  setTimeout(() => process.exit(0), Number(argument(0, 1000)))
})
serve()
