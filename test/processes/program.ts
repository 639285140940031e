/**
 * The program as it ships: plain JavaScript beside its package.json, run by `node dist/main.js`. Compiled for each
 * file of tests into a folder of its own, so that nobody's build in the tree is pulled away from under a process.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Call it at the top of a file; the answer gives the path of main.js once the tests run. */
export const compiledProgram = (): (() => string) => {
  let folder = ''
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-program-')))
    // Other users run it too.
    chmodSync(folder, 0o755)
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    execFileSync(
      process.execPath,
      [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(folder, 'dist')],
      { cwd: root },
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return () => join(folder, 'dist/main.js')
}
