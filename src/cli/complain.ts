/** One clear line on standard error. */
import { writeError } from '../host/terminal.ts'
import { clean } from './output.ts'

export const complain = (line: string): void => writeError(`supervise: ${clean(line)}\n`)
