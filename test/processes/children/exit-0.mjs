// Ends with 0 before it listens.
import './endpoints.mjs'
process.exit(0)
