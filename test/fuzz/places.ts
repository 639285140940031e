/** A state on the disk in memory, or on the real one. */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { realDisk } from '../../src/host/real-disk.ts'
import type { Site } from '../../src/recovery/site.ts'
import { CrashDisk } from '../doubles/crash-disk.ts'
import { siteOn, STATE } from '../recovery/bench.ts'
import type { Place, Seen, Sights } from './oracle.ts'
import type { State } from './state.ts'

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export function inMemory(state: State, machine: Partial<Site>): Place {
  const disk = new CrashDisk()
  // Also when nothing in it is left.
  disk.put(STATE, { dir: true })
  const things = [...state].sort(([one], [other]) => (one < other ? -1 : 1))
  for (const [path, thing] of things) {
    if (thing.is === 'file') disk.put(path, thing.bytes, thing.mode)
    else
      disk.put(
        path,
        thing.is === 'link' ? { link: thing.to } : thing.is === 'fifo' ? { fifo: true } : { dir: true },
      )
  }
  for (const [path, thing] of things)
    if (thing.is === 'file' && thing.mtimeMs !== undefined) disk.touch(path, thing.mtimeMs)
  const hashes = new Map<Buffer, string>()
  const hashOf = (bytes: Buffer): string => {
    let hash = hashes.get(bytes)
    if (hash === undefined) hashes.set(bytes, (hash = sha(bytes)))
    return hash
  }
  return {
    site: siteOn(disk, machine),
    sights: () =>
      new Map(
        [...disk.tree()].map(([path, { kind, bytes, mode, mtimeMs, target }]): [string, Seen] => [
          path,
          {
            kind,
            content: kind === 'file' ? hashOf(bytes) : target,
            mode,
            // Of a directory: it has other entries in between.
            mtimeMs: kind === 'file' ? mtimeMs : 0,
          },
        ]),
      ),
    reader: () => {
      const tree = disk.tree()
      return (path) => {
        const seen = tree.get(path)
        return seen?.kind === 'file' ? seen.bytes : undefined
      }
    },
  }
}

/** The same, in a directory of its own; `outside` beside it must stay as it is. */
export function onRealDisk(
  state: State,
  machine: Partial<Site>,
): Place & { remove(): void; outside(): string } {
  const room = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-fuzz-')))
  const stateDir = join(room, 'state')
  const outside = join(room, 'outside')
  mkdirSync(stateDir)
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'secret')
  /** Names in the state's own files are as long on both disks, or they would not be the same case. */
  const here = (text: string): string => text.replaceAll(STATE, stateDir).replaceAll('/outside', outside)
  for (const [path, thing] of [...state].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const to = here(path)
    mkdirSync(dirname(to), { recursive: true })
    if (thing.is === 'file') {
      writeFileSync(to, Buffer.from(here(thing.bytes.toString('latin1')), 'latin1'))
      chmodSync(to, thing.mode)
      if (thing.mtimeMs !== undefined) utimesSync(to, thing.mtimeMs / 1000, thing.mtimeMs / 1000)
    } else if (thing.is === 'link') symlinkSync(here(thing.to), to)
    else if (thing.is === 'directory') mkdirSync(to, { recursive: true })
    else execFileSync('mkfifo', [to])
  }
  return {
    site: {
      ...siteOn(realDisk(), machine),
      stateDir,
      configPath: `${stateDir}/openclaw.json`,
      now: () => Date.now(),
    },
    sights: () => sightsOf(stateDir),
    reader: () => (path) => {
      const at = join(stateDir, relative(STATE, path))
      return existsSync(at) && lstatSync(at).isFile()
        ? Buffer.from(readFileSync(at, 'latin1').replaceAll(stateDir, STATE), 'latin1')
        : undefined
    },
    outside: () => JSON.stringify([...sightsOf(outside)]),
    remove: () => rmSync(room, { recursive: true, force: true }),
  }
}

export function sightsOf(folder: string): Sights {
  const sights = new Map<string, Seen>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const { mode, mtimeMs } = lstatSync(path)
    const kind = entry.isFile()
      ? 'file'
      : entry.isDirectory()
        ? 'directory'
        : entry.isSymbolicLink()
          ? 'link'
          : 'other'
    sights.set(join(STATE, relative(folder, path)), {
      kind,
      content: kind === 'file' ? sha(readFileSync(path)) : kind === 'link' ? readlinkSync(path) : '',
      mode: mode & 0o7777,
      mtimeMs: kind === 'file' ? mtimeMs : 0,
    })
  }
  return sights
}
