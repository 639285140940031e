// Ends with 78 before it listens.
import './endpoints.mjs'
process.exit(78)
