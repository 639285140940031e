/** `openclaw.json` as json5 reads it, and nothing else said of it. */
import { expect, test, vi } from 'vitest'
import { config } from '../../src/openclaw/config-file.ts'

test.each(['\u2028', '\u2029'])(
  'a separator of lines in a string is read, and nothing is written about it',
  (mark) => {
    const warn = vi.spyOn(console, 'warn')
    try {
      expect(config(`{a: 'x${mark}y',${mark}}`)).toMatchObject({ is: 'sound', value: { a: `x${mark}y` } })
      expect(config(`{a: '${mark}' b}`)).toMatchObject({ is: 'unreadable' })
      expect(warn).not.toHaveBeenCalled()
    } finally {
      warn.mockRestore()
    }
  },
)
