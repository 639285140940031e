/**
 * renameat2(2) with RENAME_EXCHANGE, which Node does not offer: two names change places in one instant.
 *
 * A plain rename destroys what another program may have put under the name a moment before; after an exchange
 * it is still there under the other name and can be looked at.  Where the C library, the kernel or the file
 * system lacks it, the caller is told and takes a plain rename.
 */
import { loadSyscalls } from './syscalls.ts'

const CANNOT = new Set(['ENOSYS', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP'])

/** True when done, false when that cannot be done here, else the error. */
export async function exchangeNames(one: string, other: string): Promise<boolean | Error> {
  const loaded = await loadSyscalls()
  if (loaded.is === 'unavailable') return false
  const code = loaded.calls.exchange(one, other)
  if (code === undefined) return true
  return CANNOT.has(code) ? false : Object.assign(new Error(`renameat2: ${code}`), { code })
}
