// @ts-check
/**
 * A real OpenClaw, and a Node that runs it, from npm: installed once into a cache outside the repository.
 *
 * 1. An entry of the cache is whole or absent: npm works in a folder of its own, which is renamed at the end.
 * 2. No package's install script runs.
 * 3. It ends: npm is stopped after `limitMs`, and what it wrote is removed.
 * 4. npm runs under the Node that the package asks for: under an older one it leaves out what is optional and wants a
 *    newer one, without a word. (2026.9.6 then lacks its native moves, and refuses to import a device's identity.)
 * 5. The package stays as it was published. Beside dist/extensions, dist/extensions-core is added: the handful of
 *    bundled plugins that a turn needs, at the same depth so that their imports hold. OPENCLAW_BUNDLED_PLUGINS_DIR
 *    points there (`env`), because 2026.4.26 otherwise reads 115 plugin manifests over and over as soon as a model
 *    provider is configured, has npm install their dependencies while its loop stands still, and takes ninety
 *    seconds for a start that takes four. Sessions, locks, transcripts, signals and probes are core code, the same
 *    either way. (OPENCLAW_DISABLE_BUNDLED_PLUGINS=1 starts as fast, but no turn works without speech-core.)
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const corePlugins = [
  'image-generation-core',
  'media-understanding-core',
  'memory-core',
  'speech-core',
  'video-generation-core',
]

/**
 * `entry` is what Node is to run, `env` what makes it start in seconds.
 *
 * @typedef {{ version: string, root: string, entry: string, env: Record<string, string> }} Installed
 */
/** @typedef {{ say?: (line: string) => void, limitMs?: number, cache?: string }} Options */

export const cacheDir = () =>
  process.env['SUPERVISE_TEST_CACHE'] ||
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'supervise-test')

/**
 * @param {string} version
 * @param {Options} [options]
 * @returns {Promise<Installed>}
 */
export async function openclawFromNpm(version, options = {}) {
  if (!/^\d{4}\.\d+\.\d+[\w.-]*$/.test(version))
    throw new Error(`not a version of openclaw: ${JSON.stringify(version)}`)
  const inside = 'node_modules/openclaw'
  const spec = `openclaw@${version}`
  const entry = await entryOf(
    spec,
    spec,
    `${inside}/openclaw.mjs`,
    options,
    async (work) =>
      nodeThatFits(await npm(['view', spec, 'engines.node'], work, process.execPath, options), options),
    async (work) => {
      const dist = join(work, inside, 'dist')
      for (const plugin of corePlugins.filter((name) => existsSync(join(dist, 'extensions', name))))
        await cp(join(dist, 'extensions', plugin), join(dist, 'extensions-core', plugin), { recursive: true })
    },
  )
  const root = join(entry, inside)
  const core = join(root, 'dist/extensions-core')
  const env = { ...(existsSync(core) && { OPENCLAW_BUNDLED_PLUGINS_DIR: core }) }
  return { version, root, entry: join(root, 'openclaw.mjs'), env }
}

/**
 * The Node that this OpenClaw asks for (`engines`): the running one where it is good enough, else one from npm.
 *
 * @param {Installed} openclaw
 * @param {Options} [options]
 */
export async function nodeFor(openclaw, options = {}) {
  const { engines } = JSON.parse(await readFile(join(openclaw.root, 'package.json'), 'utf8'))
  return nodeThatFits(String(engines?.node), options)
}

/**
 * @param {string} range
 * @param {Options} options
 */
async function nodeThatFits(range, options) {
  const asked = [...range.matchAll(/>=\s*(\d+)(?:\.(\d+))?/g)].map((found) => ({
    major: Number(found[1]),
    minor: Number(found[2] ?? 0),
  }))
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const newest = Math.max(22, ...asked.map((one) => one.major))
  const fits = asked.some((one) => one.major === major && one.minor <= minor) || major > newest
  return fits ? process.execPath : nodeFromNpm(newest, options)
}

/**
 * The path of a Node binary of this line (22, '22.14'). The running one where it is of that line already.
 *
 * @param {number | string} line
 * @param {Options} [options]
 */
export async function nodeFromNpm(line, options = {}) {
  if (process.versions.node.startsWith(`${line}.`)) return process.execPath
  // What npm's `node` package would fetch in its install script.
  const name = `node-linux-${process.arch}`
  const binary = `node_modules/${name}/bin/node`
  const entry = await entryOf(
    `node@${line}`,
    `${name}@${line}`,
    binary,
    options,
    async () => process.execPath,
  )
  return join(entry, binary)
}

/**
 * @param {string} name
 * @param {string} spec
 * @param {string} witness a file that only a whole installation has
 * @param {Options} options
 * @param {(work: string) => Promise<string>} nodeOf npm runs under this one
 * @param {(work: string) => Promise<void>} [prepare]
 */
async function entryOf(name, spec, witness, options, nodeOf, prepare) {
  const cache = options.cache ?? cacheDir()
  const entry = join(cache, name)
  if (existsSync(join(entry, witness))) return entry

  options.say?.(`installing ${spec} from npm into ${entry} (once)`)
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, `.installing-${name}-`))
  try {
    await writeFile(join(work, 'package.json'), '{ "private": true }\n')
    const args = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', spec]
    await npm(['install', '--prefix', work, ...args], work, await nodeOf(work), options)
    if (!existsSync(join(work, witness))) throw new Error(`npm installed ${spec} without ${witness}`)
    await prepare?.(work)
    await rename(work, entry).catch((/** @type {NodeJS.ErrnoException} */ error) => {
      // Somebody else was faster: theirs is as good.
      if (!existsSync(join(entry, witness))) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return entry
}

/**
 * What it printed.
 *
 * @param {readonly string[]} args
 * @param {string} dir
 * @param {string} node
 * @param {Options} options
 */
async function npm(args, dir, node, options) {
  const limitMs = options.limitMs ?? 600_000
  const path = process.env['PATH'] ?? ''
  const env = {
    ...process.env,
    PATH: node === process.execPath ? path : `${dirname(node)}${delimiter}${path}`,
  }
  try {
    const { stdout } = await run('npm', [...args, '--loglevel=error'], {
      cwd: dir,
      env,
      timeout: limitMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 << 20,
    })
    return stdout
  } catch (cause) {
    const { killed, stderr } = /** @type {{ killed?: boolean, stderr?: string }} */ (cause)
    const why = killed
      ? `npm did not end within ${Math.round(limitMs / 1000)} s`
      : (stderr ?? '').trim() || String(cause)
    throw new Error(`npm ${args.join(' ')}: ${why}`, { cause })
  }
}
