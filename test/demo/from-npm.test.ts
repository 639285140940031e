/** What npm installs is there whole or not at all, and npm cannot hold anybody up. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeFor, nodeFromNpm, openclawFromNpm } from '../../demo/from-npm.mjs'

const path = process.env['PATH']
let root: string
let cache: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'from-npm-'))
  cache = join(root, 'cache')
})
afterEach(async () => {
  process.env['PATH'] = path
  await rm(root, { recursive: true, force: true })
})

test('a whole installation is renamed into place once, with the core plugins beside all plugins', async () => {
  await npmIs(`
    mkdir -p node_modules/openclaw/dist/extensions/speech-core node_modules/openclaw/dist/extensions/telegram
    touch node_modules/openclaw/openclaw.mjs
    echo "$@" >> ${root}/calls`)
  const { entry, env } = await openclawFromNpm('2026.4.26', { cache })
  expect(entry).toBe(join(cache, 'openclaw@2026.4.26/node_modules/openclaw/openclaw.mjs'))
  expect(await readdir(env['OPENCLAW_BUNDLED_PLUGINS_DIR'] ?? '')).toEqual(['speech-core'])
  expect(await openclawFromNpm('2026.4.26', { cache })).toMatchObject({ entry })
  expect(await readdir(cache)).toEqual(['openclaw@2026.4.26'])
})

test('npm runs under the Node that the version asks for: what is optional may want that one', async () => {
  await npmIs(
    `
    case "$*" in *openclaw*)
      mkdir -p node_modules/openclaw
      touch node_modules/openclaw/openclaw.mjs
      command -v node > node_modules/openclaw/installed-by;;
    *)
      mkdir -p node_modules/node-linux-${process.arch}/bin
      touch node_modules/node-linux-${process.arch}/bin/node
      chmod 755 node_modules/node-linux-${process.arch}/bin/node;;
    esac`,
    '>=99.1.0',
  )
  const { root } = await openclawFromNpm('2026.4.26', { cache })
  expect((await readFile(join(root, 'installed-by'), 'utf8')).trim()).toBe(await nodeFromNpm(99, { cache }))
})

test('two at once come to the same installation', async () => {
  await npmIs('mkdir -p node_modules/openclaw; touch node_modules/openclaw/openclaw.mjs')
  const [one, two] = await Promise.all([1, 2].map(() => openclawFromNpm('2026.4.26', { cache })))
  expect(one).toEqual(two)
  expect(await readdir(cache)).toEqual(['openclaw@2026.4.26'])
})

test.each([
  ['that fails', 'echo no such package >&2; exit 1', 'no such package'],
  ['that hangs', 'exec sleep 60', 'npm did not end within 1 s'],
  ['that installs something else', 'mkdir node_modules', 'without node_modules/openclaw/openclaw.mjs'],
])('an npm %s is told, and leaves nothing', async (_, script, words) => {
  await npmIs(script)
  await expect(openclawFromNpm('2026.4.26', { cache, limitMs: 1000 })).rejects.toThrow(words)
  expect(await readdir(cache)).toEqual([])
})

test('a version that is none is refused before npm is asked', async () => {
  await expect(openclawFromNpm('latest; rm -rf /', { cache })).rejects.toThrow('not a version of openclaw')
})

test.each([
  ['>=99.1.0 || >=22.14.0', 22, 99],
  ['>=99.1.0', undefined, 99],
  ['>=10.2.0', undefined, undefined],
])('of the Nodes %s the running one is taken where it will do', async (asked, will, fetched) => {
  await npmIs(
    `
    case "$*" in *openclaw*)
      mkdir -p node_modules/openclaw
      touch node_modules/openclaw/openclaw.mjs
      echo '{"engines":{"node":"${asked}"}}' > node_modules/openclaw/package.json;;
    *)
      mkdir -p node_modules/node-linux-${process.arch}/bin
      touch node_modules/node-linux-${process.arch}/bin/node;;
    esac`,
    asked,
  )
  const major = Number(process.versions.node.split('.')[0])
  const node = await nodeFor(await openclawFromNpm('2026.4.26', { cache }), { cache })
  const own = fetched === undefined ? major >= 22 : major === will
  expect(node).toBe(
    own
      ? process.execPath
      : join(cache, `node@${fetched ?? 22}/node_modules/node-linux-${process.arch}/bin/node`),
  )
})

test('the running Node is taken where it is of the major that was named', async () => {
  const major = Number(process.versions.node.split('.')[0])
  expect(await nodeFromNpm(major, { cache })).toBe(process.execPath)
})

/** Asked which Node a version wants, it says `wants`. */
async function npmIs(script: string, wants = `>=${process.versions.node.split('.')[0]}.0.0`): Promise<void> {
  const bin = join(root, 'bin')
  await mkdir(bin)
  await writeFile(
    join(bin, 'npm'),
    `#!/bin/sh\nif [ "$1" = view ]; then echo '${wants}'; exit; fi\n${script}\n`,
  )
  await chmod(join(bin, 'npm'), 0o755)
  process.env['PATH'] = `${bin}:${path}`
}
