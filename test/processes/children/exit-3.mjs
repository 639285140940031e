// Ends with 3 before it listens.
import { note } from './endpoints.mjs'
note('ending')
process.exit(3)
