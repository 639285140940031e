// Ends with 1 before it listens.
import './endpoints.mjs'
process.exit(1)
