/** `$include`, as the gateway follows it, and where it does not. */
import { expect, test } from 'vitest'
import { withIncludes } from '../../src/openclaw/config-include.ts'

const at = (files: Readonly<Record<string, unknown>>, config: unknown): unknown =>
  withIncludes(config, ['/etc/openclaw', '/srv/shared'], (path) => files[path.replace('/etc/openclaw/', '')])

test('what stands beside an include is on top of it; of several the last', () => {
  const files = { 'a.json5': { gateway: { port: 1, bind: 'lan' } }, 'b.json5': { gateway: { port: 2 } } }
  expect(at(files, { $include: './a.json5', gateway: { port: 3 } })).toEqual({
    gateway: { port: 3, bind: 'lan' },
  })
  expect(at(files, { $include: ['a.json5', 'b.json5'] })).toEqual({ gateway: { port: 2, bind: 'lan' } })
})

test('a file is looked for beside the one that names it', () => {
  const files = { 'parts/gateway.json5': { $include: '../more/port.json5' }, 'more/port.json5': { port: 4 } }
  expect(at(files, { gateway: { $include: 'parts/gateway.json5' } })).toEqual({ gateway: { port: 4 } })
  expect(at(files, { gateway: { $include: '/etc/openclaw/more/port.json5' } })).toEqual({
    gateway: { port: 4 },
  })
})

test('and in another folder that was named for it, from there on beside the one that was found', () => {
  const files = { '/srv/shared/a.json5': { $include: './b.json5' }, '/srv/shared/b.json5': { port: 4 } }
  for (const path of ['/srv/shared/a.json5', '../../srv/shared/a.json5'])
    expect(at(files, { gateway: { $include: path } })).toEqual({ gateway: { port: 4 } })
  expect(at(files, { gateway: { $include: '/srv/sharedNot/../shared-not/a.json5' } })).toEqual({
    gateway: {},
  })
})

test('what the gateway would refuse is left out: files elsewhere, circles, no files', () => {
  const asked: string[] = []
  const read = (path: string): unknown => {
    asked.push(path)
    return path === '/etc/openclaw/self.json5'
      ? { $include: ['self.json5', 'self.json5'], port: 5 }
      : undefined
  }
  for (const out of ['../secret.json5', '/etc/shadow', 'a/../../x', 7, null])
    expect(withIncludes({ gateway: { $include: out, bind: 'lan' } }, ['/etc/openclaw'], read)).toEqual({
      gateway: { bind: 'lan' },
    })
  expect(asked).toEqual([])
  expect(withIncludes({ gateway: { $include: 'self.json5' } }, ['/etc/openclaw'], read)).toEqual({
    gateway: { port: 5 },
  })
  expect(asked.length).toBeLessThanOrEqual(64)
  expect(at({}, { gateway: { $include: 'none.json5', port: 6 } })).toEqual({ gateway: { port: 6 } })
})
