/** The host room as plain JavaScript, for tests that need it in a process of its own: Node 20 runs no TypeScript. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Call it at the top of a suite; the answer gives the path of a file of the room once the suite runs. */
export const compiledHost = (): ((file: string) => string) => {
  let folder = ''
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-host-')))
    // Other users run it too.
    chmodSync(folder, 0o755)
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    execFileSync(
      process.execPath,
      [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(folder, 'dist')],
      {
        cwd: root,
      },
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (file) => join(folder, 'dist/host', file)
}

/** Runs an ES module given as text and gives what it printed as JSON. */
export const runModule = (
  text: string,
  options: { readonly uid?: number; readonly node?: string } = {},
): unknown => {
  const { node = process.execPath, ...rest } = options
  return JSON.parse(
    execFileSync(node, ['--input-type=module', '-e', text], { encoding: 'utf8', cwd: '/', ...rest }),
  )
}
