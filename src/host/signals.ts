/**
 * The signals that control this program, caught from the first instruction on, and kept until somebody listens.
 *
 * Import this file before any other: it puts the handlers up as it is loaded. A TERM that comes while the rest
 * still loads is then not lost, which as PID 1 it would be, and elsewhere would end us half-way.
 *
 * 1. Nothing that was caught is dropped or reordered: a new listener first gets what came before it.
 * 2. SIGUSR1 never opens Node's inspector, a door for anybody on this machine: it is caught, and means nothing.
 */

export type ControlSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

const controls: readonly ControlSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP']
/** A flood of signals must not grow without end; what they ask for does not change by repetition. */
const mostKept = 64

const kept: ControlSignal[] = []
let listener: ((signal: ControlSignal) => void) | undefined

const caught = (signal: NodeJS.Signals): void => {
  const control = signal as ControlSignal
  if (listener) listener(control)
  else if (kept.length < mostKept) kept.push(control)
}

for (const signal of controls) process.on(signal, caught)
process.on('SIGUSR1', () => {})

/** One listener at a time. The answer stops the listening: signals are kept again. */
export const listenForSignals = (listen: (signal: ControlSignal) => void): (() => void) => {
  listener = listen
  for (const signal of kept.splice(0)) listen(signal)
  return () => {
    if (listener === listen) listener = undefined
  }
}

/** Those caught and not yet listened to. */
export const keptSignals = (): readonly ControlSignal[] => [...kept]
