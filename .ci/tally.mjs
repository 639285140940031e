// tally.mjs STATUS FILE: what one run of vitest comes to.  STATUS is the one it ended with, FILE is its JSON report.
// Prints "PASSED FAILED", then a line for each failure, so that the end of a long log can name them.  A crash, an
// unhandled error, a file that does not load and a run without a test are each a failure, though no test failed;
// tests that were skipped are named on standard error.
import { readFileSync } from 'node:fs'

const [status, file] = process.argv.slice(2)

const complain = (text) => process.stderr.write(`${text}\n`)
const failures = []
const fail = (where, why) => failures.push(`${where}: ${String(why).split('\n', 1)[0].slice(0, 300)}`)

const read = () => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    fail('no report of this run', error.message)
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] }
  }
}
const report = read()

let failed = report.numFailedTests
for (const { name, status: outcome, message, assertionResults: tests } of report.testResults) {
  for (const test of tests)
    if (test.status === 'failed') fail(`${name}: ${test.fullName}`, test.failureMessages?.[0] ?? '')
    else if (test.status !== 'passed') complain(`${test.status}: ${test.fullName}`)
  if (outcome === 'failed' && !tests.some((test) => test.status === 'failed')) {
    fail(`${name}: failed as a whole`, message)
    failed++
  }
}
if (report.numPassedTests + failed === 0) {
  fail('no test ran', `status ${status}`)
  failed++
}
if (status !== '0' && failed === 0) {
  fail('every test passed, and yet', `the run ended with status ${status}`)
  failed++
}
process.stdout.write([`${report.numPassedTests} ${failed}`, ...failures, ''].join('\n'))
