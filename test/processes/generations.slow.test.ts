/** While a gateway runs, each index that it replaces leaves a generation; one that is wiped does not cost a session. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sendSignal } from '../../src/host/send-signal.ts'
import { generationsOf, newestIndex } from '../../src/recovery/generations.ts'
import { stateAt } from '../recovery/state.ts'
import { rooms } from './room.ts'
import { until } from './until.ts'

const enter = rooms()

test(
  'a gateway wipes its index while it runs: the next start has every session again',
  { timeout: 60_000 },
  async () => {
    const room = await enter('sound')
    const path = join(room.stateDir, 'agents/main/sessions/sessions.json')
    const { site } = stateAt(room.stateDir)
    const keys = (): string[] => Object.keys(JSON.parse(readFileSync(path, 'utf8')) as object)
    const before = keys()
    const supervisor = room.run('ready-then-wait')
    const replace = (text: string): void => {
      writeFileSync(`${path}.tmp`, text)
      renameSync(`${path}.tmp`, path)
    }
    await room.reaches('ready', (status) => status.ready)
    replace(`${readFileSync(path, 'utf8')}\n`)
    let newest: Awaited<ReturnType<typeof newestIndex>>
    const look = async (): Promise<void> => {
      newest = await newestIndex(site, await generationsOf(site, path))
    }
    await until('the replaced index left a generation', () => {
      void look()
      return newest?.bytes.toString().endsWith('\n')
    })
    expect([...newest!.entries.keys()]).toEqual(before)

    // What the gateway does with an index that it could not read.
    replace('{}')
    const [child] = room.inhabitants().filter(({ pid }) => pid === room.status()?.child?.pid)
    sendSignal(child!, 'SIGKILL')
    await until('it came back', () =>
      room.ledger().some((entry) => entry.event === 'recovered' && entry.repaired['index-missing'] === 1),
    )
    await room.reaches('ready', (status) => status.ready)
    expect(keys().toSorted()).toEqual(before.toSorted())
    supervisor.signal('SIGTERM')
    expect(await supervisor.ended).toMatchObject({ code: 0 })
  },
)
