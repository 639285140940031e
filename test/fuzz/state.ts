/** A state as data: what each name holds, so that it can be mutated, put on either disk, and compared. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { unpack, type Fixture } from '../fixtures/unpack.ts'
import { STATE } from '../recovery/bench.ts'
import { rows, type Files } from '../recovery/damaged.ts'

export type Thing =
  | { readonly is: 'file'; readonly bytes: Buffer; readonly mode: number; readonly mtimeMs?: number }
  | { readonly is: 'link'; readonly to: string }
  | { readonly is: 'directory' }
  | { readonly is: 'fifo' }

/** By path, below STATE. */
export type State = Map<string, Thing>

export interface Base {
  readonly name: string
  readonly things: State
}

/** Every state that mutations begin with: what is sound, what crashed, each row of the damage table. */
export function bases(): readonly Base[] {
  const sound = rows.find(({ name }) => name === 'the index gone')!
  const healthy = rows.find(({ name }) => name === 'a restart intent')!
  const made: Base[] = [
    { name: 'two sound sessions', things: thingsOf(without(healthy.files, 'gateway-restart-intent.json')) },
    { name: 'two agents', things: twoAgents(without(healthy.files, 'gateway-restart-intent.json')) },
    { name: sound.name, things: thingsOf(sound.files) },
    ...rows.map(({ name, files }) => ({ name, things: thingsOf(files) })),
  ]
  const real = (['sound', 'killed-mid-run', 'sigterm-mid-run'] as const).map((fixture) => ({
    name: `real: ${fixture}`,
    things: realState(fixture),
  }))
  // The real ones as often as all the small ones together: they hold what nobody would think of.
  return [...made, ...Array.from({ length: 4 }, () => real).flat()]
}

const without = (files: Files, name: string): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith(name)))

function thingsOf(files: Files): State {
  const things: State = new Map()
  for (const [path, content] of Object.entries(files)) {
    // The lock directory of the gateway is another suite's.
    if (!path.startsWith(`${STATE}/`)) continue
    things.set(path, { is: 'file', bytes: Buffer.from(content as string), mode: 0o644 })
  }
  return things
}

function twoAgents(files: Files): State {
  const things = thingsOf(files)
  for (const [path, thing] of things)
    if (path.includes('/agents/main/') && thing.is === 'file')
      things.set(path.replace('/agents/main/', '/agents/work/'), {
        ...thing,
        bytes: Buffer.from(
          thing.bytes
            .toString()
            .replaceAll('agents/main/', 'agents/work/')
            .replaceAll('agent:main', 'agent:work'),
        ),
      })
  return things
}

/** Trimmed: no databases (they have a suite of their own), no lines and no fields that only cost time. */
function realState(fixture: Fixture): State {
  const { stateDir, remove } = unpack(fixture)
  try {
    const things: State = new Map()
    for (const entry of readdirSync(stateDir, { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name)
      const path = join(STATE, relative(stateDir, from))
      if (/\.sqlite(-wal|-shm)?$/.test(path)) continue
      if (entry.isSymbolicLink()) things.set(path, { is: 'link', to: readlinkSync(from) })
      else if (entry.isFile()) {
        const text = readFileSync(from, 'latin1').replaceAll(stateDir, STATE)
        things.set(path, {
          is: 'file',
          bytes: Buffer.from(trimmed(path, text), 'latin1'),
          mode: statSync(from).mode & 0o777,
        })
      }
    }
    return things
  } finally {
    remove()
  }
}

function trimmed(path: string, text: string): string {
  if (/\.trajectory\.jsonl/.test(path))
    return text
      .split('\n')
      .filter((line) => line.length < 4_000 || line.includes('"model.completed"'))
      .map((line) => line.replace(/"systemPrompt":"(?:[^"\\]|\\.)*"/, '"systemPrompt":""'))
      .join('\n')
  if (!path.endsWith('/sessions.json')) return text
  return JSON.stringify(
    JSON.parse(text),
    (key, value: unknown) => (['skillsSnapshot', 'systemPromptReport'].includes(key) ? undefined : value),
    2,
  )
}
