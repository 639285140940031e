// Does nothing, for long. SIGTERM ends it, unless it was told to be `stubborn`.
import { argument, note } from './endpoints.mjs'
if (argument(0) === 'stubborn') process.on('SIGTERM', () => note('ignored-SIGTERM'))
note('grandchild')
setInterval(() => {}, 1000)
