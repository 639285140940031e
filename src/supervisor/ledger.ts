/**
 * The history of causes: one JSON line for every start, ready, exit, verdict and hold, readable while nobody
 * runs, bounded, and kept over restarts. It is for people: nothing is decided by it.
 */
import { appendJsonLine, readJsonLines } from '../host/own-files.ts'
import type { Exit } from '../lifecycle/exit.ts'

const mostBytes = 1024 * 1024

export type Entry = { readonly at: string; readonly child: number } & (
  | { readonly event: 'supervising'; readonly pid: number; readonly command: string }
  /** Of a dead supervisor: its gateway, where that lived, and what either had left behind. */
  | { readonly event: 'took-over'; readonly pid: number | null; readonly leftBehind: readonly string[] }
  | {
      readonly event: 'recovered'
      readonly verdict: string
      readonly repairId: string | null
      readonly detail: string
      readonly tookMs: number
      /** By kind. */
      readonly found: Readonly<Record<string, number>>
      readonly repaired: Readonly<Record<string, number>>
    }
  | { readonly event: 'started'; readonly pid: number; readonly version: string | null }
  /** Since a gateway last worked here, another OpenClaw was installed. */
  | { readonly event: 'updated'; readonly from: string; readonly to: string }
  | { readonly event: 'ready'; readonly afterMs: number }
  | {
      readonly event: 'ended'
      readonly exit: Exit
      readonly why: string
      readonly detail: string
      readonly wasReady: boolean
      readonly leftBehind: readonly string[]
    }
  | { readonly event: 'held'; readonly kind: string; readonly evidence: string }
  | { readonly event: 'ordered'; readonly order: string }
  | { readonly event: 'left'; readonly because: string }
)

export interface Ledger {
  write(entry: Unstamped<Entry>): void
}
export type Unstamped<E> = E extends unknown ? Omit<E, 'at'> : never

/** What cannot be written (a full disk) is told once to `trouble` and otherwise forgotten: supervision goes on. */
export function openLedger(path: string, wallMs: () => number, trouble: (error: unknown) => void): Ledger {
  let writing = Promise.resolve()
  let told = false
  return {
    write: (entry) => {
      const line = { at: new Date(wallMs()).toISOString(), ...entry }
      writing = writing
        .then(() => appendJsonLine(path, line, { mostBytes, durable: false }))
        .catch((error: unknown) => {
          if (!told) trouble(error)
          told = true
        })
    },
  }
}

export const readLedger = (path: string): readonly Entry[] =>
  readJsonLines(path, mostBytes).filter(
    (line): line is Entry => typeof (line as Entry | null)?.event === 'string',
  )
