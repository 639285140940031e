// Lives, and listens nowhere.
import { stopOn } from './endpoints.mjs'
stopOn('SIGTERM', 'SIGINT')
setInterval(() => {}, 1000)
