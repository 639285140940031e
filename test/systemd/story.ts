/** One story: a machine booted for it, its journal kept when the story fails, the machine gone afterwards. */
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { test } from 'vitest'

import { bootMachine, type Machine } from './machine.ts'

const LIMIT_MS = 180_000

const keepJournal = async (machine: Machine, name: string): Promise<string> => {
  const folder = process.env['SUPERVISE_TEST_ARTEFACTS'] ?? join(tmpdir(), 'supervise-artefacts')
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.journal`)
  await writeFile(path, await machine.journal())
  return path
}

export const story = (name: string, tell: (machine: Machine) => Promise<void>): void => {
  test(name, { timeout: LIMIT_MS }, async () => {
    const machine = await bootMachine()
    try {
      await tell(machine)
    } catch (error) {
      console.error(`the journal of "${name}": ${await keepJournal(machine, name)}`)
      throw error
    } finally {
      await machine.close()
    }
  })
}
