/** A real state on the real disk, and what the tests ask of it. */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { onTestFinished } from 'vitest'
import { realDisk } from '../../src/host/real-disk.ts'
import { inspect } from '../../src/recovery/inspect.ts'
import { defaultPolicy, type Policy, type Site } from '../../src/recovery/site.ts'
import type { Ask, Inspection } from '../../src/recovery/verdict.ts'
import { unpack, type Fixture } from '../fixtures/unpack.ts'

export const sessions = 'agents/main/sessions'

export interface State {
  readonly stateDir: string
  readonly site: Site
  at(name: string): string
  look(owed?: Ask['owed']): Promise<Inspection>
  /** Every name with its content and mode, except what is the supervisor's own. */
  bytes(): Record<string, string>
}

export function state(fixture: Fixture, policy: Partial<Policy> = {}, machine: Partial<Site> = {}): State {
  const { stateDir, remove } = unpack(fixture)
  onTestFinished(remove)
  return stateAt(stateDir, policy, machine)
}

export function stateAt(stateDir: string, policy: Partial<Policy> = {}, machine: Partial<Site> = {}): State {
  const site: Site = {
    disk: realDisk(),
    stateDir,
    configPath: `${stateDir}/openclaw.json`,
    gatewayLockDir: null,
    startTicksOf: () => undefined,
    bootId: 'a-boot',
    now: () => Date.now(),
    policy: { ...defaultPolicy, ...policy },
    ...machine,
  }
  return {
    stateDir,
    site,
    at: (name) => join(stateDir, name),
    look: async (owed = 'another-boot') => (await inspect(site, { owed })).inspection,
    bytes: () => bytesOf(stateDir),
  }
}

function bytesOf(stateDir: string): Record<string, string> {
  const all: Record<string, string> = {}
  for (const entry of readdirSync(stateDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(stateDir, path)
    if (name === 'supervise' || name.startsWith('supervise/')) continue
    all[name] = entry.isFile()
      ? `${(lstatSync(path).mode & 0o777).toString(8)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
      : entry.isSymbolicLink()
        ? `-> ${readlinkSync(path)}`
        : entry.isDirectory()
          ? 'directory'
          : 'other'
  }
  return all
}
