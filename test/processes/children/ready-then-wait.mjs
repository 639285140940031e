// Ready at once; ends with 0 when asked to.
import { serve, stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
serve()
