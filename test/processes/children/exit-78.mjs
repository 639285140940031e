// Ends with 78 before it listens.
import { note } from './endpoints.mjs'
note('ending')
process.exit(78)
