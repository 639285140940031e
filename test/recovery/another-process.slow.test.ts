/**
 * Another process, on a real file system, touches a file between any two calls of a repair: replaces it, appends to
 * it, removes it.  Nothing is lost, the step stops, the verdict names what moved, and the next recovery comes to an
 * end.  For each kind of step, and for a restore from a generation (the generation itself is touched, too).
 */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Disk } from '../../src/host/disk.ts'
import { realDisk } from '../../src/host/real-disk.ts'
import { readRepairs } from '../../src/recovery/journal.ts'
import { recover } from '../../src/recovery/recover.ts'
import { STATE } from './bench.ts'
import { rows, sound, type Files } from './damaged.ts'
import { stateAt } from './state.ts'
import { look } from './survive.ts'

const MARK = 'written by another process'
const deeds = {
  'replaces it': 'printf "%s" "$MARK" > "$FILE.other" && mv "$FILE.other" "$FILE"',
  'appends to it': 'if [ -f "$FILE" ]; then printf "%s" "$MARK" >> "$FILE"; else exit 3; fi',
  'removes it': 'rm -f "$FILE"; exit 3',
}
const index = `${STATE}/agents/main/sessions/sessions.json`
const row = (name: string): Files => rows.find((one) => one.name === name)!.files

interface Story {
  readonly name: string
  readonly files: Files
  /** Confirmed before it is damaged, so that there is a generation. */
  readonly before?: Files
}
const stories: readonly Story[] = [
  { name: 'a file that is written anew', files: row('a torn tail') },
  { name: 'a file that is made', files: row('the index gone') },
  { name: 'a file that is set aside', files: row('the lock of the index') },
  { name: 'a file that is put back', files: row('a trajectory that was archived') },
  { name: 'an index that is restored from a generation', before: sound, files: { [index]: '{"agent:ma' } },
]

const fill = (dir: string, files: Files): void => {
  for (const [path, content] of Object.entries(files)) {
    if (typeof content !== 'string') throw new Error(`${path} is no plain file`)
    const at = path.replace(STATE, dir)
    mkdirSync(dirname(at), { recursive: true })
    writeFileSync(at, content.replaceAll(STATE, dir))
  }
}

/** Every content below, by whatever name. */
const contents = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .map((path) => readFileSync(path, 'utf8'))

/** A disk before whose n-th call something happens. */
function interrupted(disk: Disk, n: number, happen: () => void): { disk: Disk; calls: () => number } {
  let calls = 0
  const proxy = new Proxy(disk, {
    get(target, verb: keyof Disk) {
      const method = target[verb] as (...args: unknown[]) => unknown
      return (...args: unknown[]) => {
        if (calls++ === n) happen()
        return method.apply(target, args)
      }
    },
  })
  return { disk: proxy, calls: () => calls }
}

describe.each(Object.entries(deeds))('another process %s', (_what, script) => {
  test.each(stories)('$name', { timeout: 300_000 }, async ({ before, files }) => {
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'supervise-others-')))
    onTestFinished(() => rmSync(base, { recursive: true, force: true }))
    const outcomes = new Set<string>()
    let cases = 0
    const damaged = async (name: string): Promise<string> => {
      const dir = join(base, name)
      fill(dir, before ?? files)
      if (before !== undefined) {
        expect((await recover(stateAt(dir).site, look)).is).toBe('consistent')
        fill(dir, files)
      }
      return dir
    }
    const first = await damaged('first')
    expect((await recover(stateAt(first).site, look)).is).toBe('repaired')
    const steps = (await readRepairs(stateAt(first).site))[0]!.steps
    const names = new Set(
      steps.flatMap(({ path, change }) => [
        path,
        ...(change.do === 'put-back' ? [change.from] : []),
        ...(change.do === 'write'
          ? change.content.flatMap((piece) => ('path' in piece ? [piece.path] : []))
          : []),
      ]),
    )
    for (const [which, name] of [...names].entries())
      for (let call = 0; ; call += 3) {
        const dir = await damaged(`${which}-${call}`)
        const { site } = stateAt(dir)
        // Of another run, the generation has another name.
        const file = name.includes('/snapshots/') ? theOnlyIn(dirname(join(dir, name))) : join(dir, name)
        const old = statSync(file, { throwIfNoEntry: false }) && readFileSync(file, 'utf8')
        let isElsewhere = false
        let wrote = false
        const { disk, calls } = interrupted(realDisk(), call, () => {
          isElsewhere = contents(dir).filter((text) => text === old).length > 1
          wrote = isDone(script, file)
        })
        const recovery = await recover({ ...site, disk }, look)
        if (calls() <= call) {
          rmSync(dir, { recursive: true })
          break
        }
        cases++
        outcomes.add(recovery.is)
        const told = `${name}, before call ${call}: ${JSON.stringify(recovery)}`
        if (wrote)
          expect(
            contents(dir).some((text) => text.includes(MARK)),
            told,
          ).toBe(true)
        if (isElsewhere && !name.includes('/snapshots/'))
          expect(
            contents(dir).some((text) => text.startsWith(old!)),
            told,
          ).toBe(true)
        if (recovery.is === 'retry-later')
          expect(recovery.evidence, told).toContain(file.slice(file.lastIndexOf('/') + 1))
        await recover(site, look)
        expect(
          (await readRepairs(site)).filter((repair) => repair.end === undefined),
          told,
        ).toEqual([])
        expect(
          readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((at) => at.includes('.supervise-')),
          told,
        ).toEqual([])
        rmSync(dir, { recursive: true })
      }
    console.log(`${cases} interruptions by another process: ${[...outcomes].join(', ')}`)
    expect(outcomes).toContain('repaired')
  })
})

const theOnlyIn = (dir: string): string => join(dir, readdirSync(dir)[0]!)

/** Whether it wrote something. */
function isDone(script: string, file: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', script], { env: { ...process.env, FILE: file, MARK } })
    return true
  } catch (error) {
    if ((error as { status?: unknown }).status === 3) return false
    throw error
  }
}
