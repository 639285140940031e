// Ready; SIGTERM, SIGINT and SIGHUP change nothing.
import { note, serve } from './endpoints.mjs'
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => note(`ignored-${signal}`))
serve()
