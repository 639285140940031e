// Ends with 0 before it listens.
import { note } from './endpoints.mjs'
note('ending')
process.exit(0)
