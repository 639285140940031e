/** Our own version, from the package that this file lies in: src/cli and dist/cli are equally deep. */
import { textOf } from '../host/paths.ts'

const text = textOf(new URL('../../package.json', import.meta.url).pathname, 64 * 1024)
export const version = (JSON.parse(text ?? '{"version":"unknown"}') as { version: string }).version
