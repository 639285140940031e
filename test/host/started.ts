/** Processes that a test starts, and that end with it whatever it does. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'
import { identityOf, isAlive, type Identity } from '../../src/host/process-table.ts'
import { sendSignal } from '../../src/host/send-signal.ts'

const toEnd: Identity[] = []
const toRemove: string[] = []

afterEach(() => {
  for (const who of toEnd.splice(0)) sendSignal(who, 'SIGKILL')
  for (const folder of toRemove.splice(0)) rmSync(folder, { recursive: true, force: true })
})

export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'supervise-test-'))
  toRemove.push(folder)
  return folder
}

/** Kills it at the end of the test, if it is still the same process. */
export const endAfterTest = (pid: number | undefined): Identity => {
  const identity = pid === undefined ? undefined : identityOf(pid)
  if (!identity) throw new Error(`no process ${pid}`)
  toEnd.push(identity)
  return identity
}

export const started = (file: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess => {
  const child = spawn(file, args, { stdio: 'ignore', ...options })
  endAfterTest(child.pid)
  return child
}

export const exited = (child: ChildProcess): Promise<{ code: number | null; signal: string | null }> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve({ code: child.exitCode, signal: child.signalCode })
    : new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))

/** One of test/processes/children. */
export const childFile = (name: string): string =>
  fileURLToPath(new URL(`../processes/children/${name}.mjs`, import.meta.url))

/** The pids that a child and its own noted under this word, each ended after the test. */
export const notedPids = (journal: string, word: string): number[] => {
  let lines: string[] = []
  try {
    lines = readFileSync(journal, 'utf8').split('\n')
  } catch {}
  const pids = lines.flatMap((line) => (line.startsWith(`${word} `) ? Number(line.split(' ')[1]) : []))
  for (const pid of pids) {
    const identity = identityOf(pid)
    if (identity && isAlive(identity)) toEnd.push(identity)
  }
  return pids
}
