/** A refusal of the system's is told from a defect, however deep it lies. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { asDiskError, DiskError, diskErrorIn } from '../../src/host/disk.ts'

const thrown = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error
  }
}
const missing = thrown(() => readFileSync('/no/such'))
const noRoom = Object.assign(new Error('EMFILE: too many open files'), {
  code: 'EMFILE',
  syscall: 'open',
  path: '/proc/net/tcp',
})

test('what the system refused is the disk’s affair; a bug stays one', () => {
  expect(asDiskError('read', '/no/such', missing)).toMatchObject({ name: 'DiskError', code: 'ENOENT' })
  const bug = new TypeError('x is not a function')
  expect(asDiskError('read', '/', bug)).toBe(bug)
  const known = new DiskError('read', '/', missing)
  expect(asDiskError('lock', '/', known)).toBe(known)
})

test('behind an error: the disk’s own, and of the system’s what can pass', () => {
  const disk = new DiskError('sync', '/a', { code: 'EIO' })
  expect(diskErrorIn(new Error('a', { cause: new Error('b', { cause: disk }) }))).toBe(disk)
  expect(diskErrorIn(new Error('a', { cause: noRoom }))).toMatchObject({ code: 'EMFILE', canPass: true })
  expect(diskErrorIn(missing)).toBeUndefined()
  expect(diskErrorIn(new TypeError('x'))).toBeUndefined()
  expect(diskErrorIn('x')).toBeUndefined()
})
