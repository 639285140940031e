/** A real container runtime with a folder of its own, and the image that the shipped Dockerfile makes, built offline. */
import { execFile } from 'node:child_process'
import { chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { nodeFromNpm } from '../../demo/from-npm.mjs'

export const repository = fileURLToPath(new URL('../..', import.meta.url))
const script = fileURLToPath(new URL('podman.sh', import.meta.url))
const execute = promisify(execFile)

const BASE = 'docker.io/library/node:of-this-test'
export const IMAGE = 'supervise-openclaw:of-this-test'
/** As the image and the manifests say. */
const USER = 1000

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface Container {
  /** Runs a command in it, as `docker exec` does. */
  run(...command: readonly string[]): Promise<Ran>
  /** What `podman inspect` says of its state. */
  state(): Promise<{ readonly Status: string; readonly ExitCode: number; readonly Pid: number }>
  healthcheck(): Promise<Ran>
  podman(...args: readonly string[]): Promise<Ran>
}

export interface Runtime {
  /** A container of the image, fenced as the compose file fences it, on the home `home`; children are in /children. */
  start(home: string, ...command: readonly string[]): Promise<Container>
  /** The same, with further options of `podman run`. */
  startWith(options: readonly string[], home: string, ...command: readonly string[]): Promise<Container>
  /** The same, waited for. */
  runToEnd(home: string, ...command: readonly string[]): Promise<Ran>
  /** Runs a Pod as a cluster would, from its JSON; the container of that name in it. */
  play(pod: object, container: string): Promise<Container>
  /** A home for a container: empty, but for a configuration, which lets any gateway start. */
  newHome(config?: object): Promise<string>
  /** A home for a container, with nothing in it. */
  newVolume(): Promise<string>
  remove(): Promise<unknown>
}

export const attempt = async (command: string, args: readonly string[]): Promise<Ran> => {
  try {
    return { status: 0, ...(await execute(command, args, { maxBuffer: 2 ** 26, cwd: repository })) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
    if (typeof code !== 'number') throw error
    return { status: code, stdout, stderr }
  }
}

const must = async (command: string, args: readonly string[]): Promise<string> => {
  const { status, stdout, stderr } = await attempt(command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: status ${status}\n${stdout}${stderr}`)
  return stdout.trim()
}

/** Where npm left what this repository's lock file names, so that the build needs no network. */
const offlineNpm = async (folder: string): Promise<readonly string[]> => {
  const cache = await must('npm', ['config', 'get', 'cache'])
  const settings = join(folder, 'npmrc')
  await writeFile(settings, 'offline=true\ncache=/npm-cache\n')
  return ['--network', 'none', '--volume', `${cache}:/npm-cache`, '--volume', `${settings}:/root/.npmrc:ro`]
}

export const openRuntime = async (): Promise<Runtime> => {
  // Not in /tmp, which may be a file system of another kind: the image store needs one that carries an overlay.
  const folder = await mkdtemp('/var/tmp/supervise-podman-')
  const podman = (...args: readonly string[]) => attempt(script, [folder, 'run', ...args])
  const remove = () => must(script, [folder, 'remove'])
  try {
    await must(script, [folder, 'base', BASE, await nodeFromNpm(24)])
    const build = `build --pull=never --format docker --target supervise --build-arg NODE_IMAGE=${BASE}`
    const names = `--file units/container/Dockerfile --tag ${IMAGE}`
    await must(script, [folder, 'run', ...`${build} ${names}`.split(' '), ...(await offlineNpm(folder)), '.'])
  } catch (error) {
    await remove()
    throw error
  }

  const fence =
    '--network none --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp:exec,mode=1777'
  const children = `${repository}/test/processes/children:/children:ro`
  const fenced = (home: string) => [
    ...fence.split(' '),
    '--volume',
    `${home}:/home/node`,
    '--volume',
    children,
    IMAGE,
  ]
  const containerOf = (id: string): Container => ({
    run: (...words) => podman('exec', id, ...words),
    async state() {
      const { stdout } = await podman('inspect', '--format', '{{json .State}}', id)
      return JSON.parse(stdout) as Awaited<ReturnType<Container['state']>>
    },
    healthcheck: () => podman('healthcheck', 'run', id),
    podman: (...args) => podman(...args, id),
  })
  const startWith: Runtime['startWith'] = async (options, home, ...command) => {
    const words = ['run', '--detach', ...options, ...fenced(home), ...command]
    return containerOf(await must(script, [folder, 'run', ...words]))
  }
  const newVolume = async (): Promise<string> => {
    const home = await mkdtemp(join(folder, 'home-'))
    await chown(home, USER, USER)
    return home
  }
  return {
    start: (home, ...command) => startWith([], home, ...command),
    startWith,
    runToEnd: (home, ...command) => podman('run', '--rm', ...fenced(home), ...command),
    async play(pod, container) {
      const path = join(folder, 'pod.yaml')
      await writeFile(path, JSON.stringify(pod))
      // podman 4 removes an init container that has ended, and may not have heard of its end yet.
      for (let tries = 1; ; tries++) {
        const played = await podman('kube', 'play', '--replace', path)
        if (played.status === 0) return containerOf(container)
        if (tries === 10 || !played.stderr.includes('failed to remove once init container'))
          throw new Error(`kube play: status ${played.status}\n${played.stderr}`)
      }
    },
    newVolume,
    async newHome(config = { gateway: { mode: 'local', bind: 'loopback' } }) {
      const home = await newVolume()
      const state = join(home, '.openclaw')
      await mkdir(state, { mode: 0o700 })
      await writeFile(join(state, 'openclaw.json'), JSON.stringify(config))
      for (const path of [state, join(state, 'openclaw.json')]) await chown(path, USER, USER)
      return home
    },
    remove,
  }
}
