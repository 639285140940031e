/** The last line of `.ci/run` is believed by people and machines: what must never be counted as green. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'tally-'))
afterAll(() => rmSync(folder, { recursive: true }))

const lines = (status: number, report: unknown): readonly string[] => {
  const file = join(folder, 'report.json')
  writeFileSync(file, typeof report === 'string' ? report : JSON.stringify(report))
  const args = [new URL('../../.ci/tally.mjs', import.meta.url).pathname, String(status), file]
  const printed = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return printed.trimEnd().split('\n')
}

const file = (status: string, ...tests: readonly string[]) => ({
  name: 'some.test.ts',
  status,
  message: '',
  assertionResults: tests.map((outcome) => ({ fullName: 'some test', status: outcome })),
})
const report = (numPassedTests: number, numFailedTests: number, ...testResults: readonly object[]) => ({
  numPassedTests,
  numFailedTests,
  testResults,
})

test.each([
  ['all passed', 0, report(2, 0, file('passed', 'passed', 'passed')), '2 0'],
  ['one failed', 1, report(1, 1, file('failed', 'passed', 'failed')), '1 1'],
  ['a file that does not load', 1, report(1, 0, file('passed', 'passed'), file('failed')), '1 1'],
  ['an unhandled error after the last test', 1, report(1, 0, file('passed', 'passed')), '1 1'],
  ['no test at all', 0, report(0, 0), '0 1'],
  ['only skipped tests', 0, report(0, 0, file('passed', 'skipped')), '0 1'],
  ['a crash before the report', 139, '', '0 1'],
  ['half a report', 0, '{"numPassedTests": 2,', '0 1'],
])('%s', (_, status, content, expected) => {
  const [counts, ...failures] = lines(status, content)
  expect(counts).toBe(expected)
  expect(failures.length > 0).toBe(!expected.endsWith(' 0'))
})

test('names the test that failed, and the first line of why', () => {
  const failed = {
    fullName: 'does it',
    status: 'failed',
    failureMessages: ['Error: it did not\n    at somewhere'],
  }
  expect(lines(1, report(0, 1, { ...file('failed'), assertionResults: [failed] }))).toEqual([
    '0 1',
    'some.test.ts: does it: Error: it did not',
  ])
})
