/** Each flag of each command, and its variable, with nothing and with nonsense: 64 and one clear line, and nothing is done. */
import { mkdtempSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkFlags } from '../../src/cli/check.ts'
import { cli } from '../../src/cli/cli.ts'
import { controlFlags } from '../../src/cli/control.ts'
import type { Flags } from '../../src/cli/flags.ts'
import { historyFlags } from '../../src/cli/history.ts'
import { repairFlags } from '../../src/cli/repair.ts'
import { runFlags } from '../../src/cli/run.ts'
import { statusFlags } from '../../src/cli/status.ts'
import { undoFlags } from '../../src/cli/undo.ts'
import * as terminal from '../../src/host/terminal.ts'
import { treeOf } from '../tree.ts'

vi.mock('../../src/host/terminal.ts', { spy: true })

const commands: readonly (readonly [string, Flags, readonly string[]])[] = [
  ['run', runFlags, ['--', 'sh', '-c', 'exit 78']],
  ['status', statusFlags, []],
  ['check', checkFlags, []],
  ['repair', repairFlags, []],
  ['undo', undoFlags, ['some-id']],
  ['history', historyFlags, []],
  ['stop', controlFlags, []],
  ['restart', controlFlags, []],
  ['retry', controlFlags, []],
]

let home = ''
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-flags-')))
  mkdirSync(join(home, '.openclaw/agents/main/sessions'), { recursive: true })
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** What was written to standard error meanwhile, and the status. */
const ask = async (words: readonly string[], env: Record<string, string>): Promise<[number, string]> => {
  const said: string[] = []
  const writeError = vi.mocked(terminal.writeError).mockImplementation((text) => void said.push(text))
  const writeOut = vi.mocked(terminal.writeOut).mockImplementation((text) => void said.push(`out: ${text}`))
  try {
    return [await cli(words, { HOME: home, PATH: process.env['PATH'], ...env }), said.join('')]
  } finally {
    writeError.mockRestore()
    writeOut.mockRestore()
  }
}

test.each(commands)('%s', async (command, flags, rest) => {
  const before = treeOf(home)
  for (const [name, { value }] of Object.entries(flags)) {
    const variable = `SUPERVISE_${name.toUpperCase().replaceAll('-', '_')}`
    // A switch that is empty in the environment is off; any directory or file may be meant by a name.
    const wrong =
      value === undefined ? ['perhaps'] : ['', ' ', ...(['DIR', 'FILE'].includes(value) ? [] : ['!'])]
    for (const text of wrong) {
      const [code, said] = await ask([command, ...rest], { [variable]: text })
      expect(code, `${variable}=${text}: ${said}`).toBe(64)
      expect(said).toMatch(/^supervise: [^\n]+\n$/)
      expect(said).toContain(`--${name} (or ${variable}) is ${JSON.stringify(text)}; expected `)
      const own = await ask([command, `--${name}=${text}`, ...rest], {})
      expect(own[0], `--${name}=${text}: ${own[1]}`).toBe(64)
      expect(own[1]).toMatch(/^supervise: [^\n]+\n$/)
      expect(own[1]).toContain(`--${name}`)
    }
  }
  expect(treeOf(home)).toBe(before)
})
