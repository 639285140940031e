// Does nothing, for long. SIGTERM ends it.
import { note } from './endpoints.mjs'
note('grandchild')
setInterval(() => {}, 1000)
