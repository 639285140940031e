/**
 * What the service manager is told (sd_notify), and what it asked to be told.
 *
 * Two transports behind one door.  A datagram of our own, sent in place: it needs no process, no memory and no
 * waiting, and the sender is the main process, as NotifyAccess=main wants it.  Where its system calls do not
 * load: the program systemd-notify, run by the package of that name.  It can say READY and STATUS only; what it
 * cannot say is left unsaid, and a watchdog, which would then kill a healthy service, is a refusal to start.
 *
 * 1. Without NOTIFY_SOCKET nothing is sent and nothing is loaded.
 * 2. A value never brings a second assignment in: line breaks do not pass.
 * 3. A message fits in what systemd takes (4096 bytes; it drops a longer one whole): the status is cut.
 * 4. Sending never blocks and never throws. READY and STOPPING are sent again with the next message, and by a
 *    timer, until they went through: a lost READY=1 ends in a start that systemd takes for hung.
 * 5. WATCHDOG_USEC counts only where WATCHDOG_PID is ours, or not set.
 */
import { loadSyscalls, type DatagramSender } from './syscalls.ts'

export interface Assignments {
  readonly ready?: true
  readonly stopping?: true
  readonly watchdog?: true
  readonly status?: string
  /** From now; systemd takes the latest. */
  readonly extendTimeoutMs?: number
}

export type Delivery = { readonly is: 'sent' } | { readonly is: 'skipped'; readonly why: string }

export interface Notifier {
  readonly by: 'datagram' | 'program' | 'nobody'
  /** A beat is owed within this time (tell it twice as often); undefined when nobody waits for one. */
  readonly watchdogMs: number | undefined
  notify(assignments: Assignments): Delivery
  close(): void
}

export type OpenedNotifier =
  { readonly is: 'open'; readonly notifier: Notifier } | { readonly is: 'refused'; readonly why: string }

/** Meant for one process, by the service manager that started it: a child must not get them. */
export const serviceManagerVariables: readonly string[] = [
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_PIDFDID',
  'LISTEN_FDNAMES',
  'MAINPID',
  'MANAGERPID',
  'MANAGERPIDFDID',
]

type Environment = Readonly<Record<string, string | undefined>>

export const openNotify = async (env: Environment): Promise<OpenedNotifier> => {
  const address = env['NOTIFY_SOCKET']
  if (!address) return { is: 'open', notifier: nobodyListens }
  if (!/^[/@]./.test(address))
    return { is: 'refused', why: `NOTIFY_SOCKET is neither a path nor abstract: ${JSON.stringify(address)}` }
  const watchdogMs = watchdogOf(env)
  const loaded = await loadSyscalls()
  if (loaded.is === 'loaded') {
    try {
      return { is: 'open', notifier: byDatagram(loaded.calls.openDatagram(address), watchdogMs) }
    } catch (error) {
      return { is: 'refused', why: `NOTIFY_SOCKET cannot be used: ${(error as Error).message}` }
    }
  }
  if (watchdogMs !== undefined)
    return {
      is: 'refused',
      why: `the unit sets WatchdogSec=, and the beats it waits for cannot be sent here (${loaded.why}): remove WatchdogSec= or install koffi for this machine`,
    }
  return { is: 'open', notifier: await byProgram() }
}

const watchdogOf = (env: Environment): number | undefined => {
  const microseconds = env['WATCHDOG_USEC'] ?? ''
  const meantFor = env['WATCHDOG_PID']
  if (meantFor && meantFor !== String(process.pid)) return undefined
  return /^[1-9]\d{0,15}$/.test(microseconds) ? Number(microseconds) / 1000 : undefined
}

const nobodyListens: Notifier = {
  by: 'nobody',
  watchdogMs: undefined,
  notify: () => ({ is: 'skipped', why: 'NOTIFY_SOCKET is not set' }),
  close: () => {},
}

const againMs = 100
const mostRetries = 600

const byDatagram = (socket: DatagramSender, watchdogMs: number | undefined): Notifier => {
  let owed: Assignments = {}
  let retry: NodeJS.Timeout | undefined
  let retries = 0
  const send = (assignments: Assignments): Delivery => {
    clearTimeout(retry)
    const code = socket.send(encodeAssignments({ ...owed, ...assignments }))
    if (code === undefined) {
      owed = {}
      retries = 0
      return { is: 'sent' }
    }
    const { ready, stopping } = { ...owed, ...assignments }
    owed = { ...(ready && { ready }), ...(stopping && { stopping }) }
    if ((ready ?? stopping) && retries++ < mostRetries) retry = setTimeout(send, againMs, {}).unref()
    return { is: 'skipped', why: code === 'EAGAIN' ? 'the service manager does not keep up' : code }
  }
  return {
    by: 'datagram',
    watchdogMs,
    notify: send,
    close: () => {
      clearTimeout(retry)
      socket.close()
    },
  }
}

const byProgram = async (): Promise<Notifier> => {
  const { default: systemdNotify } = await import('systemd-notify')
  // One at a time: two processes started together may be heard in either order.
  let last: Promise<unknown> = Promise.resolve()
  return {
    by: 'program',
    watchdogMs: undefined,
    notify({ ready, status }) {
      if (!ready && status === undefined) return { is: 'skipped', why: 'systemd-notify cannot say it' }
      const message = {
        ...(ready && { ready }),
        ...(status !== undefined && { status: oneLine(status, longestMessageBytes / 2) }),
      }
      last = last.then(() => systemdNotify(message)).catch(() => {})
      return { is: 'sent' }
    },
    close: () => {},
  }
}

const longestMessageBytes = 4096

export const encodeAssignments = (assignments: Assignments): Buffer => {
  const { ready, stopping, watchdog, extendTimeoutMs, status } = assignments
  const lines = [
    ready && 'READY=1',
    stopping && 'STOPPING=1',
    watchdog && 'WATCHDOG=1',
    extendTimeoutMs !== undefined && `EXTEND_TIMEOUT_USEC=${Math.round(extendTimeoutMs * 1000)}`,
  ].filter((line) => typeof line === 'string')
  const head = lines.join('\n')
  if (status === undefined) return Buffer.from(head)
  const name = head ? `${head}\nSTATUS=` : 'STATUS='
  return Buffer.from(name + oneLine(status, longestMessageBytes - name.length))
}

/** Control characters become spaces; at most `limitBytes` of whole characters. */
const oneLine = (text: string, limitBytes: number): string => {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim()
  const bytes = Buffer.from(line)
  if (bytes.length <= limitBytes) return line
  const mark = '…'
  let end = limitBytes - Buffer.byteLength(mark)
  // Not in the middle of a character: its further bytes all begin with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end) + mark
}
