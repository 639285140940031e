// Ready, and writes to both outputs without end, as fast as they are read.
import { serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
const pour = (stream) => stream.write(`${'x'.repeat(1000)}\n`, () => setImmediate(pour, stream))
pour(process.stdout)
pour(process.stderr)
serve()
