#!/usr/bin/env node
// The signals first: one that arrives while the rest loads is kept, not lost.
import './host/signals.ts'
import { cli } from './cli/cli.ts'

process.exit(await cli(process.argv.slice(2), process.env))
