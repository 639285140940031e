/** The README's demo comes to its end, with the stand-in and with the real gateway, and leaves nothing behind. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cacheDir } from '../../demo/from-npm.mjs'

const story = fileURLToPath(new URL('../../demo/story.mjs', import.meta.url))
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'demo-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

test.each([
  ['the stand-in', []],
  ['OpenClaw 2026.4.26', ['--openclaw', '2026.4.26']],
])('with %s', async (_, args) => {
  const { status, said } = await told(args)
  expect(status, said).toBe(0)
  expect(said).toContain('All as told.')
  expect(await readdir(root)).toEqual([])
})

test('what is not as told ends it with 1, and leaves nothing either', async () => {
  const { status, said } = await told(['--openclaw', 'no-version'])
  expect(status).toBe(1)
  expect(said).toContain('NOT AS TOLD')
  expect(await readdir(root)).toEqual([])
})

const told = (args: readonly string[]): Promise<{ status: unknown; said: string }> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: root, TMPDIR: root, SUPERVISE_TEST_CACHE: cacheDir() }
    execFile(process.execPath, [story, ...args], { env, timeout: 280_000 }, (error, stdout, stderr) =>
      resolve({ status: error?.code ?? (error === null ? 0 : error.signal), said: stdout + stderr }),
    )
  })
