/** The task databases: a set of files each, the database with its log and its index, sound together or set aside together. */
import { taskDatabases } from '../../openclaw/layout.ts'
import { baseName, dirName } from '../../openclaw/posix-path.ts'
import { isUnchanged, type Confirmed } from '../checkpoint.ts'
import type { Eyes } from '../eyes.ts'
import type { FileStat } from '../../host/disk.ts'

const magic = Buffer.from('SQLite format 3\0')
const ends = ['', '-wal', '-shm', '-journal']

/** Directory -> what was there. */
export type Looked = ReadonlyMap<string, ReadonlyMap<string, FileStat>>

export async function lookAtDatabases(
  eyes: Eyes,
  confirmed: (dir: string) => Confirmed | undefined,
): Promise<Looked> {
  const looked = new Map<string, ReadonlyMap<string, FileStat>>()
  if (eyes.site.liveGatewayPid !== undefined) return looked
  for (const name of taskDatabases) {
    const path = `${eyes.site.stateDir}/${name}`
    const dir = dirName(path)
    const stat = await eyes.file(path)
    if (stat === undefined) continue
    const set = await eyes.stats(
      dir,
      ends.map((end) => baseName(path) + end),
    )
    looked.set(dir, set)
    const marks = confirmed(dir)?.marks
    if ([...set].every(([file, one]) => isUnchanged(one, marks?.get(file)))) continue
    const evidence = await damageOf(eyes, path, stat)
    if (evidence === undefined) continue
    const because = eyes.notes.found({
      kind: 'tasks-unreadable',
      severity: 'loses',
      path,
      evidence,
      repair: `set it aside with its log: the gateway begins a new one, its ${name.startsWith('tasks') ? 'task' : 'flow'} records stay with the kept bytes`,
    })
    for (const [file, found] of set)
      eyes.notes.remedy('content', `${dir}/${file}`, [because], { do: 'set-aside', found })
  }
  return looked
}

async function damageOf(eyes: Eyes, path: string, stat: FileStat): Promise<string | undefined> {
  // An empty file is an empty database.
  if (stat.bytes === 0) return undefined
  eyes.notes.read++
  const head = await eyes.read(path, 0, magic.length)
  if (head === undefined) return undefined
  if (!head.equals(magic)) return `${stat.bytes} bytes that do not begin as a database does`
  const looked = await eyes.site.databases?.look(path, { depth: 'quick', json: [], ask: {} })
  return looked?.is === 'unreadable' ? looked.why : looked?.is === 'read' ? looked.damage[0] : undefined
}
