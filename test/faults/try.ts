/** Tries faults on a copy of the repository, so that nothing here is ever broken, not even for a moment. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeFromNpm } from '../../demo/from-npm.mjs'
import type { Fault } from './faults.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const limitMs = 240_000
/** Of quick and slow suites alike, and without a build, which would be the first to notice. */
const config = `export default { test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } }\n`

type Suite = Fault['suites'][number]

export interface Outcome {
  readonly fault: Fault
  /** The suite that noticed; undefined: nobody did. */
  readonly caughtBy: Suite | undefined
  readonly ms: number
}

/** Undefined when the text to replace is there exactly once. */
export function whyNotApplicable(fault: Fault): string | undefined {
  const count = readFileSync(join(root, fault.file), 'utf8').split(fault.from).length - 1
  return count === 1 ? undefined : `"${fault.name}": its text is ${count} times in ${fault.file}`
}

export async function tryFaults(
  faults: readonly Fault[],
  tell: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  const rest = [...faults]
  const outcomes: Outcome[] = []
  const work = async (): Promise<void> => {
    const copy = copyOfTheRepository()
    try {
      for (let fault = rest.shift(); fault !== undefined; fault = rest.shift()) {
        const outcome = await tryOne(copy, fault)
        tell(outcome)
        outcomes.push(outcome)
      }
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  }
  await Promise.all([work(), work()])
  await assertSoundWithout(outcomes)
  return outcomes
}

/** A suite that fails on the code as it is has noticed nothing either. */
async function assertSoundWithout(outcomes: readonly Outcome[]): Promise<void> {
  const suites = new Map<string, Suite>()
  for (const { caughtBy } of outcomes) if (caughtBy) suites.set(keyOf(caughtBy), caughtBy)
  const copy = copyOfTheRepository()
  try {
    for (const suite of suites.values())
      if (!(await passes(copy, suite))) throw new Error(`${suite.file} fails on the code as it is`)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

const keyOf = ({ file, only, node }: Suite): string => `${file} ${only ?? ''} ${node ?? ''}`

function copyOfTheRepository(): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-fault-')))
  for (const name of [
    'src',
    'test',
    'demo',
    'units',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'status.schema.json',
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  writeFileSync(join(copy, 'vitest.config.ts'), config)
  return copy
}

async function tryOne(copy: string, fault: Fault): Promise<Outcome> {
  const path = join(copy, fault.file)
  const sound = readFileSync(path, 'utf8')
  if (sound.split(fault.from).length !== 2) throw new Error(whyNotApplicable(fault))
  const began = performance.now()
  const outcome = (caughtBy: Suite | undefined): Outcome => ({
    fault,
    caughtBy,
    ms: performance.now() - began,
  })
  writeFileSync(
    path,
    sound.replace(fault.from, () => fault.to),
  )
  try {
    for (const suite of fault.suites) if (!(await passes(copy, suite))) return outcome(suite)
    return outcome(undefined)
  } finally {
    writeFileSync(path, sound)
  }
}

async function passes(copy: string, { file, only, node }: Suite): Promise<boolean> {
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs')
  const words = ['run', file, '--bail=1', '--reporter=json', ...(only === undefined ? [] : ['-t', only])]
  const { SUPERVISE_FAULTS: _, VITEST: __, ...env } = process.env
  const program = node === undefined ? process.execPath : await nodeFromNpm(node)
  return await new Promise((resolve, reject) => {
    execFile(
      program,
      [vitest, ...words],
      { cwd: copy, env, timeout: limitMs, maxBuffer: 256 << 20 },
      (error, stdout) => {
        // A suite that did not run has noticed nothing.
        const at = stdout.indexOf('{"numTotalTestSuites"')
        const report =
          at === -1
            ? undefined
            : (JSON.parse(stdout.slice(at)) as { numPassedTests: number; numFailedTests: number })
        if (report === undefined || report.numPassedTests + report.numFailedTests === 0)
          reject(
            new Error(
              `${file}${only === undefined ? '' : ` (${only})`} did not run: ${error?.message ?? ''} ${stdout.slice(0, 2000)}`,
            ),
          )
        else resolve(error === null)
      },
    )
  })
}
