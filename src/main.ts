#!/usr/bin/env node
// The signals first: one that arrives while the rest loads is kept, not lost. The rest is not imported statically,
// because nothing of a module graph runs before all of it is loaded.
import './host/signals.ts'

const { cli } = await import('./cli/cli.ts')
process.exit(await cli(process.argv.slice(2), process.env))
