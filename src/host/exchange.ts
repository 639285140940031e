/**
 * renameat2(2) with RENAME_EXCHANGE, which Node does not offer: two names change places in one instant.
 *
 * A plain rename destroys what another program may have put under the name a moment before; after an exchange
 * it is still there under the other name and can be looked at.  Where the C library, the kernel or the file
 * system lacks it, the caller is told and takes a plain rename.
 */
const AT_FDCWD = -100
const RENAME_EXCHANGE = 2
const CANNOT = new Set(['ENOSYS', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP'])

type RenameAt2 = (oldDir: number, old: string, newDir: number, name: string, flags: number) => number

interface Library {
  readonly renameat2: RenameAt2
  /** The error of the last call, by name. */
  readonly errno: () => string
}

let library: Library | null | undefined

async function load(): Promise<Library | null> {
  try {
    const { default: koffi } = await import('koffi')
    const signature = 'int renameat2(int, const char *, int, const char *, unsigned int)'
    const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]))
    return {
      renameat2: koffi.load(null).func(signature) as unknown as RenameAt2,
      errno: () => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
    }
  } catch {
    return null
  }
}

/** True when done, false when that cannot be done here, else the error. */
export async function exchangeNames(one: string, other: string): Promise<boolean | Error> {
  library ??= await load()
  if (library === null) return false
  if (library.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) === 0) return true
  const code = library.errno()
  if (CANNOT.has(code)) return false
  return Object.assign(new Error(`renameat2: ${code}`), { code })
}
