// Ends with 3 before it listens.
import './endpoints.mjs'
process.exit(3)
