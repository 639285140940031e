// Ends with 1 before it listens.
import { note } from './endpoints.mjs'
note('ending')
process.exit(1)
