/** The published schema of `status --json`. */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'vitest'

const schema = JSON.parse(
  readFileSync(new URL('../../status.schema.json', import.meta.url), 'utf8'),
) as object
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true })
const validate = ajv.compile(schema)

export function expectValid(status: unknown): void {
  const valid = validate(status)
  expect(valid, `${ajv.errorsText(validate.errors)}\n${JSON.stringify(status, null, 1)}`).toBe(true)
}

export const isValid = (status: unknown): boolean => validate(status)
