/** What somebody who may write into a state directory could leave there, and how check and repair answer. */
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { A, type AttackRoom, forged, forgeJournal, indexFor, repairId, transcript } from './room.ts'

export interface Attack {
  readonly name: string
  readonly make: (room: AttackRoom) => void | Promise<void>
  /** Exit statuses. */
  readonly check: number
  readonly repair: number
}

const outsideText = (name: string): string => `a secret of somebody else: ${name}\n`
const own = (room: AttackRoom, name: string): string => {
  mkdirSync(room.at('supervise'), { recursive: true })
  return room.at(`supervise/${name}`)
}
const inPlaceOf = (path: string, to: string): void => {
  rmSync(path, { recursive: true, force: true })
  symlinkSync(to, path)
}
const moved = (room: AttackRoom, name: string): void => {
  renameSync(room.at(name), join(room.outside, '..', 'moved'))
  symlinkSync(join(room.outside, '..', 'moved'), room.at(name))
}
const fifo = (path: string): void => {
  rmSync(path, { recursive: true, force: true })
  execFileSync('mkfifo', [path])
}
async function socket(path: string): Promise<void> {
  rmSync(path, { force: true })
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
}
const device = (path: string): void => {
  rmSync(path, { recursive: true, force: true })
  execFileSync('mknod', [path, 'c', '1', '5'])
}

/** Repaired as if it were not there. */
const harmless = { check: 65, repair: 0 } as const
const refused = { check: 65, repair: 65 } as const
/** Where check cannot even look for repairs that were cut short. */
const unlooked = { check: 75, repair: 65 } as const
const pair = (room: AttackRoom) => room.session(`${A}.trajectory-path.json`)
const pointerTo = (to: string): string =>
  JSON.stringify({
    traceSchema: 'openclaw-trajectory-pointer',
    schemaVersion: 1,
    sessionId: A,
    runtimeFile: to,
  })

/** Only root may make them. */
const devices: readonly Attack[] = [
  { name: 'a device for a transcript', make: (room) => device(room.session(`${A}.jsonl`)), ...refused },
  { name: 'a device for the configuration', make: (room) => device(room.at('openclaw.json')), ...refused },
]

export const attacks: readonly Attack[] = [
  // Symbolic links
  { name: 'the agents, elsewhere', make: (room) => moved(room, 'agents'), ...refused },
  { name: 'one agent, elsewhere', make: (room) => moved(room, 'agents/main'), ...refused },
  { name: 'the sessions, elsewhere', make: (room) => moved(room, 'agents/main/sessions'), ...refused },
  {
    name: 'the sessions: a link to itself',
    make: (room) => inPlaceOf(room.at('agents/main/sessions'), 'sessions'),
    ...refused,
  },
  {
    name: 'the sessions: nowhere',
    make: (room) => inPlaceOf(room.at('agents/main/sessions'), '/nowhere'),
    ...refused,
  },
  {
    name: 'the index, elsewhere',
    make: (room) =>
      inPlaceOf(room.session('sessions.json'), join(room.outside, 'agents/main/sessions/sessions.json')),
    ...refused,
  },
  {
    name: 'the index: a dangling link',
    make: (room) => inPlaceOf(room.session('sessions.json'), join(room.outside, 'new')),
    ...refused,
  },
  {
    name: 'a transcript, elsewhere',
    make: (room) =>
      inPlaceOf(room.session(`${A}.jsonl`), join(room.outside, `agents/main/sessions/${A}.jsonl`)),
    ...refused,
  },
  {
    name: 'a transcript: a dangling link',
    make: (room) => inPlaceOf(room.session(`${A}.jsonl`), join(room.outside, 'new')),
    ...refused,
  },
  {
    name: 'a lock, elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'new'), room.session(`${A}.jsonl.lock`)),
    ...harmless,
  },
  {
    name: 'the lock of the index, elsewhere',
    make: (room) =>
      symlinkSync(join(room.outside, 'supervise/repairs/lock'), room.session('sessions.json.lock')),
    ...harmless,
  },
  {
    name: 'a pointer, elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'supervise/repairs/secret'), pair(room)),
    ...harmless,
  },
  {
    name: 'a temporary of the index, elsewhere',
    make: (room) =>
      symlinkSync(join(room.outside, 'supervise/repairs/secret'), room.session(`sessions.json.${A}.tmp`)),
    ...harmless,
  },
  {
    name: 'the configuration: a loop',
    make: (room) => inPlaceOf(room.at('openclaw.json'), 'openclaw.json'),
    ...refused,
  },
  {
    name: 'paired devices, elsewhere',
    make: (room) => {
      mkdirSync(room.at('devices'))
      symlinkSync(join(room.outside, 'supervise/repairs/secret'), room.at('devices/paired.json'))
    },
    ...refused,
  },
  {
    name: 'the devices, elsewhere',
    make: (room) => symlinkSync(room.outside, room.at('devices')),
    ...harmless,
  },
  {
    name: 'paired devices, in a folder elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'supervise'), room.at('devices')),
    ...refused,
  },
  {
    name: 'task records, in a folder elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'supervise'), room.at('tasks')),
    ...refused,
  },
  {
    name: 'the control plane, in a folder elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'supervise'), room.at('state')),
    ...refused,
  },
  {
    name: 'the database of an agent, in a folder elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'supervise'), room.at('agents/main/agent')),
    ...refused,
  },
  {
    name: 'the database of an agent, all of which is elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'agents/main'), room.at('agents/other')),
    ...refused,
  },
  // Our own folder
  {
    name: 'our folder, elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'supervise'), room.at('supervise')),
    ...unlooked,
  },
  {
    name: 'our folder: nowhere',
    make: (room) => symlinkSync(join(room.outside, 'new'), room.at('supervise')),
    ...unlooked,
  },
  { name: 'our folder: a file', make: (room) => writeFileSync(room.at('supervise'), 'x'), ...unlooked },
  {
    name: 'the repairs, elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'supervise/repairs'), own(room, 'repairs')),
    ...unlooked,
  },
  {
    name: 'our lock, elsewhere',
    make: (room) => symlinkSync(join(room.outside, 'new'), own(room, 'lock')),
    check: 65,
    repair: 65,
  },
  {
    name: 'our lock: a second name of another file',
    make: (room) => linkSync(join(room.outside, 'supervise/repairs/lock'), own(room, 'lock')),
    ...harmless,
  },
  { name: 'our lock: a FIFO', make: (room) => fifo(own(room, 'lock')), check: 65, repair: 65 },
  {
    name: 'the checkpoint, elsewhere',
    make: (room) => {
      for (const name of ['checkpoint.json', 'checkpoint.json.new'])
        symlinkSync(join(room.outside, `supervise/repairs/${name}`), own(room, name))
    },
    ...harmless,
  },
  {
    name: 'the ledger, the status and the mark, elsewhere',
    make: (room) => {
      for (const name of ['ledger.jsonl', 'status.json', 'owed.json'])
        symlinkSync(join(room.outside, 'supervise/repairs/secret'), own(room, name))
    },
    ...harmless,
  },
  {
    name: 'garbage in everything of ours',
    make: (room) => {
      for (const name of ['ledger.jsonl', 'status.json', 'owed.json', 'checkpoint.json'])
        writeFileSync(own(room, name), `{"version":1,"\u001b[2J":${'['.repeat(50_000)}`)
    },
    ...harmless,
  },
  // Journals that are not ours
  {
    name: 'a plan that writes outside, by an absolute name',
    make: (room) => forgeJournal(room, [forged.write(join(room.outside, 'new'), 'x')]),
    check: 65,
    repair: 65,
  },
  {
    name: 'a plan that writes outside, by ..',
    make: (room) => forgeJournal(room, [forged.write('../outside/new', 'x')]),
    check: 65,
    repair: 65,
  },
  {
    name: 'a plan that writes outside, through a link',
    make: (room) => {
      symlinkSync(room.outside, room.at('canvas'))
      forgeJournal(room, [forged.write('canvas/new', 'x')])
    },
    check: 65,
    repair: 65,
  },
  {
    name: 'a plan that takes away what lies outside',
    make: (room) =>
      forgeJournal(room, [forged.setAside('../outside/supervise/repairs/secret', outsideText('secret'))]),
    check: 65,
    repair: 65,
  },
  {
    name: 'a plan that fetches what lies outside',
    make: (room) =>
      forgeJournal(room, [
        forged.putBack(
          'agents/main/sessions/x.jsonl',
          '../outside/supervise/repairs/secret',
          outsideText('secret'),
        ),
      ]),
    check: 65,
    repair: 65,
  },
  {
    name: 'a plan that copies what lies outside',
    make: (room) => forgeJournal(room, [forged.copy('agents/main/sessions/x.jsonl', '/etc/passwd', 'x')]),
    check: 65,
    repair: 65,
  },
  {
    name: 'a plan whose second round leads outside',
    make: (room) =>
      forgeJournal(
        room,
        [],
        [{ is: 'further', steps: [forged.write('/tmp/../tmp/supervise-attack-new', 'x')] }],
      ),
    check: 65,
    repair: 65,
  },
  {
    name: 'journals of other shapes',
    make: (room) =>
      forgeJournal(
        room,
        [{ path: 5 }],
        [{ is: 'further', steps: 'x' }, { is: 'kept', step: -1 }, { is: 'dance' }, { is: 'end' }],
      ),
    ...harmless,
  },
  {
    name: 'a journal elsewhere',
    make: (room) => {
      mkdirSync(room.at(`supervise/repairs/${repairId}`), { recursive: true })
      symlinkSync(
        join(room.outside, 'supervise/repairs/journal.jsonl'),
        room.at(`supervise/repairs/${repairId}/journal.jsonl`),
      )
    },
    ...harmless,
  },
  // Hard links
  {
    name: 'a transcript with a second name outside',
    make: (room) => {
      unlinkSync(room.session(`${A}.jsonl`))
      const outside = join(room.outside, '..', 'second')
      writeFileSync(outside, `${transcript}{"ty`)
      linkSync(outside, room.session(`${A}.jsonl`))
    },
    ...harmless,
  },
  // What is no file
  { name: 'a FIFO for the index', make: (room) => fifo(room.session('sessions.json')), ...refused },
  { name: 'a FIFO for a transcript', make: (room) => fifo(room.session(`${A}.jsonl`)), ...refused },
  { name: 'a FIFO for the configuration', make: (room) => fifo(room.at('openclaw.json')), ...refused },
  { name: 'a FIFO for a lock', make: (room) => fifo(room.session(`${A}.jsonl.lock`)), ...harmless },
  { name: 'a socket for the index', make: (room) => socket(room.session('sessions.json')), ...refused },
  ...(process.getuid?.() === 0 ? devices : []),
  // Names
  {
    name: 'names with line breaks, escape sequences and bytes that are no text',
    make: (room) => {
      for (const name of [
        'a\nb',
        '\u001b]0;owned\u0007',
        '\u202egnp',
        'x\u0000'.slice(0, 1),
        '..jsonl',
        '-rf',
        '__proto__',
      ])
        for (const end of ['.jsonl', '.jsonl.lock', '.trajectory-path.json', '.trajectory.jsonl', '.tmp'])
          writeFileSync(room.session(`${name}${end}`), '{"type":"mess')
      writeFileSync(
        Buffer.concat([
          Buffer.from(`${room.session('')}/`),
          Buffer.of(0xff, 0xfe, 0x80),
          Buffer.from('.jsonl'),
        ]),
        '{"ty',
      )
    },
    ...harmless,
  },
  // Words that lead outside
  {
    name: 'a session file by ..',
    make: (room) =>
      writeFileSync(
        room.session('sessions.json'),
        indexFor(room.session(''), `../../../../outside/agents/main/sessions/${A}.jsonl`),
      ),
    ...harmless,
  },
  {
    name: 'a session file by an absolute name',
    make: (room) =>
      writeFileSync(
        room.session('sessions.json'),
        indexFor(room.session(''), join(room.outside, `agents/main/sessions/${A}.jsonl`)),
      ),
    ...harmless,
  },
  {
    name: 'a session file through a link',
    make: (room) => {
      symlinkSync(join(room.outside, 'agents/main'), room.at('agents/other'))
      writeFileSync(
        room.session('sessions.json'),
        indexFor(room.session(''), room.at(`agents/other/sessions/${A}.jsonl`)),
      )
    },
    ...refused,
  },
  {
    name: 'an id that climbs',
    make: (room) =>
      writeFileSync(
        room.session('sessions.json'),
        `{"agent:main:x":{"sessionId":"../../../../outside/secret","updatedAt":1}}`,
      ),
    check: 0,
    repair: 0,
  },
  {
    name: 'pointers that lead outside',
    make: (room) => {
      writeFileSync(pair(room), pointerTo(join(room.outside, 'supervise/repairs/secret')))
      writeFileSync(
        room.session('b.trajectory-path.json'),
        pointerTo('../../../../outside/supervise/repairs/secret'),
      )
    },
    ...harmless,
  },
  // Words that are no data
  {
    name: 'keys named __proto__ and constructor',
    make: (room) =>
      writeFileSync(
        room.session('sessions.json'),
        `{"__proto__":{"sessionId":"x","updatedAt":1,"status":"running"},"constructor":{"sessionId":"constructor","updatedAt":1,"totalTokens":5},"hasOwnProperty":null,"toString":5}`,
      ),
    ...harmless,
  },
  {
    name: 'nested 100,000 deep',
    make: (room) => {
      const deep = '['.repeat(100_000)
      const whole = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
      writeFileSync(
        room.session('sessions.json'),
        `{"agent:main:main":{"sessionId":"${A}","updatedAt":1,"x":${whole}}}`,
      )
      writeFileSync(
        room.session(`${A}.jsonl`),
        `${transcript}${whole}\n{"type":"message","id":"x","parentId":"aaaaaaa2","message":${whole}}\n${deep}\n${whole.replace('{"a"', '{"type":"x","id":5,"a"')}`,
      )
      writeFileSync(pair(room), whole)
      writeFileSync(room.session(`${A}.jsonl.lock`), whole)
      writeFileSync(room.session(`${A}.trajectory.jsonl`), `${whole}\n${deep}`)
      mkdirSync(room.at('devices'))
      writeFileSync(room.at('devices/paired.json'), whole)
    },
    ...harmless,
  },
  {
    name: 'a configuration nested 100,000 deep',
    make: (room) => writeFileSync(room.at('openclaw.json'), `{"a":${'['.repeat(100_000)}`),
    ...refused,
  },
  {
    name: 'a configuration nested 100,000 deep, and closed',
    make: (room) =>
      writeFileSync(room.at('openclaw.json'), `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    ...harmless,
  },
  {
    name: 'bytes that are no text',
    make: (room) => {
      const bad = Buffer.of(0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80)
      writeFileSync(
        room.session(`${A}.jsonl`),
        Buffer.concat([Buffer.from(transcript), bad, Buffer.from('\n'), bad]),
      )
      writeFileSync(room.session(`${A}.jsonl.lock`), bad)
      writeFileSync(pair(room), bad)
    },
    ...harmless,
  },
]
