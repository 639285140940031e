/**
 * Small faults of our own code, each an exact replacement of text, and the quickest suites that have to notice it.
 * A fault that nobody notices is a promise that nobody keeps.
 */
export interface Fault {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** Tried in this order until one fails. */
  readonly suites: readonly Suite[]
  /** In the sample that every run of the slow suites tries. */
  readonly sample?: true
}

interface Suite {
  /** Of tests. */
  readonly file: string
  /** The names within it, when all would take long. */
  readonly only?: string
  /** Which Node from npm, when it matters: one with SQLite. */
  readonly node?: 24
}

const suite = (file: string, only?: string): Suite => ({
  file: `test/${file}`,
  ...(only === undefined ? {} : { only }),
})
const withSqlite = (file: string, only?: string): Suite => ({ ...suite(file, only), node: 24 })
const cuts = suite(
  'recovery/every-row.test.ts',
  'survives every outage.*(no final newline|a restart intent|was archived$)',
)
const stories = suite('recovery/power-cut.test.ts')
const walk = suite('lifecycle/walk.test.ts')
const noticed = suite('faults/noticed.test.ts')
const found = suite('fuzz/found.test.ts')
const attacks = suite('attack/in-process.test.ts')
const rows = suite('recovery/rows.test.ts')
const loop = suite('supervisor/loop.test.ts')
const takeOver = suite('supervisor/take-over.test.ts')
const databases = withSqlite('recovery/databases.test.ts')
const databaseCuts = withSqlite('recovery/database-power-cut.test.ts')

export const faults: readonly Fault[] = [
  // What survives a power cut
  {
    name: 'new content is not synced before it gets its name',
    file: 'src/recovery/apply.ts',
    from: '    await disk.sync(fresh)\n    await disk.rename(fresh, to)',
    to: '    await disk.rename(fresh, to)',
    suites: [cuts, stories],
    sample: true,
  },
  {
    name: 'the directory is not synced after a name changed',
    file: 'src/recovery/apply.ts',
    from: '  else await disk.rename(ready, path)\n  await disk.syncDir(parentOf(path))',
    to: '  else await disk.rename(ready, path)',
    suites: [cuts, stories],
  },
  {
    name: 'kept bytes are not synced',
    file: 'src/recovery/apply.ts',
    from: "  if (old.kind === 'file') await disk.sync(to)\n",
    to: '',
    suites: [noticed],
  },
  {
    name: 'the folder of what is kept is not synced',
    file: 'src/recovery/apply.ts',
    from: '  await disk.syncDir(keptFolder(site, task.id))\n  return keptRecord(task, old)',
    to: '  return keptRecord(task, old)',
    suites: [cuts, stories],
  },
  {
    name: 'it is kept after it is replaced',
    file: 'src/recovery/apply.ts',
    from: "  const kept = old && (await keep(task, path, old))\n  const ready = temporary(task, path, 'tmp')\n  const content",
    to: "  const kept = undefined\n  const ready = temporary(task, path, 'tmp')\n  const content",
    suites: [cuts],
    sample: true,
  },
  {
    name: 'the directory is not synced after a name went',
    file: 'src/recovery/apply.ts',
    from: '  await disk.remove(taken)\n  await disk.syncDir(parentOf(path))',
    to: '  await disk.remove(taken)',
    suites: [cuts, stories],
  },
  {
    name: 'the journal is not synced before the first change',
    file: 'src/recovery/journal.ts',
    from: '  await site.disk.sync(journalFile(site, repair.id))\n  // Each',
    to: '  // Each',
    suites: [cuts],
    sample: true,
  },
  {
    name: 'the directories of the journal are not synced',
    file: 'src/recovery/journal.ts',
    from: '    await site.disk.syncDir(dir)',
    to: '    void dir',
    suites: [cuts],
  },
  {
    name: 'the journal is secured after the first change',
    file: 'src/recovery/take.ts',
    from: '  await secure(site, repair)\n',
    to: '',
    suites: [cuts],
  },
  {
    name: 'the end of a repair is not synced',
    file: 'src/recovery/journal.ts',
    from: "  await append(site, repair.id, { is: 'end', ...entry })\n  await site.disk.sync(journalFile(site, repair.id))",
    to: "  await append(site, repair.id, { is: 'end', ...entry })",
    suites: [cuts, stories],
  },
  {
    name: 'what is done already is not synced when a repair is resumed',
    file: 'src/recovery/apply.ts',
    from: '    await disk.syncDir(parentOf(path))\n    return await alreadyKept(task)\n  }\n  expect',
    to: '    return await alreadyKept(task)\n  }\n  expect',
    suites: [cuts, stories],
  },
  // Acting only on what was inspected
  {
    name: 'what is about to be changed is not compared with the plan',
    file: 'src/recovery/apply.ts',
    from: '  expect(step.path, now, step.before)\n  return step.change.do',
    to: '  return step.change.do',
    suites: [noticed],
    sample: true,
  },
  {
    name: 'what was written is not compared with the plan',
    file: 'src/recovery/apply.ts',
    from: '    if ((await sight(disk, fresh)).fingerprint !== wanted)',
    to: '    if (false as boolean)',
    suites: [suite('recovery/journal.test.ts'), suite('recovery/another-writer.test.ts')],
  },
  {
    name: 'what an exchange brought out is not looked at',
    file: 'src/recovery/apply.ts',
    from: '  if (isSame(old, await disk.stat(ready))) return await disk.remove(ready)',
    to: '  return await disk.remove(ready)',
    suites: [suite('recovery/another-writer.test.ts', 'replaces it')],
  },
  {
    name: 'a temporary is swept without knowing that it is elsewhere',
    file: 'src/recovery/apply.ts',
    from: "    else await rescue(task, temporary(task, path, 'tmp'))",
    to: "    else await disk.remove(temporary(task, path, 'tmp'))",
    suites: [noticed],
  },
  {
    name: 'a changed content has the same fingerprint',
    file: 'src/recovery/fingerprint.ts',
    from: "  return `sha256:${hash.digest('hex')}`",
    to: "  return `sha256:${'0'.repeat(64)}`",
    suites: [found, rows],
  },
  {
    name: 'a plan may change one name twice',
    file: 'src/recovery/journal.ts',
    from: '    if (seen.has(path)) throw',
    to: '    if (false as boolean) throw',
    suites: [suite('recovery/journal.test.ts')],
  },
  // Journal and undo
  {
    name: 'the checksum of a journal line is not compared',
    file: 'src/recovery/journal.ts',
    from: "    if (body === '' || line.slice(0, 17) !== `${checksum(body)} `) continue",
    to: "    if (body === '') continue",
    suites: [suite('recovery/journal.test.ts')],
    sample: true,
  },
  {
    name: 'a torn line of the journal swallows the next',
    file: 'src/recovery/journal.ts',
    from: "last[0] === NEWLINE ? line : Buffer.concat([Buffer.from('\\n'), line])",
    to: 'last[0] === NEWLINE ? line : line',
    suites: [suite('recovery/journal.test.ts'), cuts],
  },
  {
    name: 'a journal is followed wherever it leads',
    file: 'src/recovery/recover.ts',
    from: '  for (const repair of open) await assertStaysInside(site, repair)\n',
    to: '',
    suites: [attacks],
    sample: true,
  },
  {
    name: 'a journal is followed through a link',
    file: 'src/recovery/distrust.ts',
    from: '  return real === site.stateDir || inside(site.stateDir, real) !== undefined',
    to: '  return real !== undefined',
    suites: [attacks],
  },
  {
    name: 'undo does not look whether a file has changed since',
    file: 'src/recovery/undo.ts',
    from: '    if (moved !== null) return refused(moved)\n',
    to: '',
    suites: [suite('recovery/undo.test.ts')],
    sample: true,
  },
  {
    name: 'undo does not mind later repairs',
    file: 'src/recovery/undo.ts',
    from: '  if (later)\n',
    to: '  if (false as boolean)\n',
    suites: [suite('recovery/undo.test.ts')],
  },
  {
    name: 'undo takes back a repair that was cut short',
    file: 'src/recovery/undo.ts',
    from: '  if (open) return refused',
    to: '  if (false as boolean) return refused',
    suites: [suite('recovery/undo.test.ts'), suite('recovery/recover.test.ts')],
  },
  // The look
  {
    name: 'it repairs although a person is needed',
    file: 'src/recovery/recover.ts',
    from: "  if (inspection.verdict === 'retry-later' || inspection.verdict === 'needs-operator') {",
    to: "  if (inspection.verdict === 'retry-later') {",
    suites: [suite('recovery/recover.test.ts'), rows],
  },
  {
    name: 'a checkpoint is trusted across boots',
    file: 'src/recovery/inspect.ts',
    from: "  if (owed === 'another-boot') return undefined\n",
    to: '',
    suites: [suite('recovery/inspect.test.ts'), suite('recovery/recover.test.ts')],
  },
  {
    name: 'a mark of another boot is trusted',
    file: 'src/recovery/inspect.ts',
    from: "  return owed === 'no' || checkpoint.bootId === site.bootId ? checkpoint : undefined",
    to: '  return checkpoint',
    suites: [suite('recovery/inspect.test.ts'), suite('recovery/recover.test.ts')],
  },
  {
    name: 'a file that could have changed again at once is trusted',
    file: 'src/recovery/checkpoint.ts',
    from: '  Math.max(stat.ctimeMs, stat.mtimeMs) < beganMs - racyMs',
    to: '  Math.max(stat.ctimeMs, stat.mtimeMs) < beganMs + 1e15',
    suites: [suite('recovery/inspect.test.ts'), suite('recovery/every-row.test.ts', 'taken on trust')],
    sample: true,
  },
  {
    name: 'the hash of a checkpoint is not compared',
    file: 'src/recovery/checkpoint.ts',
    from: 'if (body === undefined || hash !== digest(body)) return undefined',
    to: 'if (body === undefined) return undefined',
    suites: [suite('recovery/inspect.test.ts'), suite('recovery/recover.test.ts'), attacks],
  },
  {
    name: 'an inode is not part of what is compared',
    file: 'src/recovery/checkpoint.ts',
    from: '  stat.ino === mark[0] &&\n',
    to: '',
    suites: [noticed],
  },
  {
    name: 'a torn tail is cut one line too far',
    file: 'src/recovery/look-at-lines.ts',
    from: "      if (isTorn) return { is: 'torn', soundBytes: end }",
    to: "      if (isTorn) return { is: 'torn', soundBytes: last.from }",
    suites: [noticed],
    sample: true,
  },
  {
    name: 'the missing newline is not appended',
    file: 'src/openclaw/transcript.ts',
    from: "        put({ from: end, to: end, put: '\\n' })",
    to: "        put({ from: end, to: end, put: '' })",
    suites: [suite('openclaw/transcript.test.ts')],
    sample: true,
  },
  {
    name: 'a lost line is not bridged',
    file: 'src/openclaw/transcript.ts',
    from: "        if (text === '') continue\n",
    to: '        continue\n',
    suites: [suite('openclaw/transcript.test.ts'), rows],
  },
  {
    name: 'what is found in a torn line takes the place of another',
    file: 'src/openclaw/transcript.ts',
    from: 'line.parentId !== line.id && !ids.has(line.id)',
    to: 'true',
    suites: [found],
  },
  {
    name: 'a stale lock is taken away',
    file: 'src/recovery/look-at-locks.ts',
    from: "  if (lock.state === 'misread') {",
    to: "  if (lock.state === 'misread' || lock.state === 'stale') {",
    suites: [rows],
  },
  {
    name: 'the limit of what is read whole is gone',
    file: 'src/recovery/eyes.ts',
    from: '    if (stat.bytes > limitBytes) {',
    to: '    if (false as boolean) {',
    suites: [suite('recovery/inspect.test.ts'), suite('attack/limits.test.ts')],
  },
  // The machine
  {
    name: 'links are followed',
    file: 'src/host/real-disk.ts',
    from: 'const SAFELY = O_NOFOLLOW | O_NONBLOCK',
    to: 'const SAFELY = O_NONBLOCK',
    suites: [suite('host/disk.test.ts')],
    sample: true,
  },
  {
    name: 'what is no regular file is opened',
    file: 'src/host/real-disk.ts',
    from: '    if (fs.fstatSync(fd).isFile()) return fd\n',
    to: '    return fd\n',
    suites: [suite('host/disk.test.ts')],
  },
  {
    name: 'our lock is written into the file of somebody else',
    file: 'src/host/lock.ts',
    from: '    if (fstatSync(fd).nlink > 1) return\n',
    to: '',
    suites: [suite('attack/limits.test.ts')],
  },
  {
    name: 'our folder may be a link',
    file: 'src/host/own-files.ts',
    from: '        if (fs.lstatSync(dir).isDirectory()) return\n',
    to: '        if (fs.statSync(dir).isDirectory()) return\n',
    suites: [suite('attack/limits.test.ts')],
  },
  {
    name: 'a signal is sent without knowing whom it reaches',
    file: 'src/host/send-signal.ts',
    from: "  return presence === 'alive' ? kill(to.pid, signal) : 'gone'",
    to: '  return kill(to.pid, signal)',
    suites: [suite('host/send-signal.test.ts', 'a pid that another process has now')],
  },
  {
    name: 'the child does not inherit the lock',
    file: 'src/host/child.ts',
    from: "(command.lockFd as 9 | undefined) ?? 'ignore'",
    to: "'ignore'",
    suites: [suite('host/child.test.ts'), suite('host/lock.test.ts')],
  },
  // What happens next
  {
    name: 'late events are accepted',
    file: 'src/lifecycle/lifecycle.ts',
    from: '  if (late) return ignore(state)\n',
    to: '  void late\n',
    suites: [walk, suite('lifecycle/stories.test.ts')],
    sample: true,
  },
  {
    name: 'a child is spawned after an unconfirmed recovery',
    file: 'src/lifecycle/lifecycle.ts',
    from: "      if (verdict.is === 'consistent') return spawn(state, verdict.confirmation, event.now, policy)",
    to: "      if (verdict.is !== 'needs-operator') return spawn(state, (verdict as { confirmation: Confirmation }).confirmation, event.now, policy)",
    suites: [walk],
  },
  {
    name: 'a child is spawned after a stop',
    file: 'src/lifecycle/lifecycle.ts',
    from: '      if (state.stop) return stopped(state)\n',
    to: '',
    suites: [walk],
  },
  {
    name: 'a budget is given back by a good probe',
    file: 'src/lifecycle/lifecycle.ts',
    from: '  wasGood(readyAt, now, policy) ? fullBudgets : budgets',
    to: '  readyAt !== null ? fullBudgets : budgets',
    suites: [walk, suite('lifecycle/stories.test.ts')],
    sample: true,
  },
  {
    name: 'ready is announced again',
    file: 'src/lifecycle/lifecycle.ts',
    from: '    stop: (state, _, policy) => stopping(state, policy),\n    ready: ignore,\n    progress: ignore,\n    timeout: impossible,',
    to: "    stop: (state, _, policy) => stopping(state, policy),\n    ready: (state) => [state, [{ do: 'announce', what: 'ready' }]],\n    progress: ignore,\n    timeout: impossible,",
    suites: [noticed],
  },
  {
    name: 'a stop is ignored between two tries',
    file: 'src/lifecycle/lifecycle.ts',
    from: "    restart: (state, _, policy) => recover(state, state.reason, 'retry', policy),\n    stop: (state) => stopped(state, [{ do: 'announce', what: 'stopping' }]),",
    to: "    restart: (state, _, policy) => recover(state, state.reason, 'retry', policy),\n    stop: ignore,",
    suites: [walk, suite('lifecycle/stories.test.ts')],
  },
  {
    name: 'a gateway that does not end is not killed',
    file: 'src/lifecycle/lifecycle.ts',
    from: "  stopping: {\n    exited: (state) => stopped(state),\n    'spawn-failed': (state) => stopped(state),\n    timeout: ({ timeoutMs: _, ...state }) => [state, [{ do: 'kill', signal: 'SIGKILL' }]],",
    to: "  stopping: {\n    exited: (state) => stopped(state),\n    'spawn-failed': (state) => stopped(state),\n    timeout: ({ timeoutMs: _, ...state }) => [state, []],",
    suites: [walk, suite('lifecycle/stories.test.ts')],
  },
  {
    name: 'a stop during a recovery is forgotten',
    file: 'src/lifecycle/lifecycle.ts',
    from: '            { ...state, stop: true, reason: stopAsked },',
    to: '            { ...state, reason: stopAsked },',
    suites: [walk, suite('lifecycle/stories.test.ts')],
  },
  {
    name: 'a budget is not spent',
    file: 'src/lifecycle/lifecycle.ts',
    from: '  const budgets = spend(state.budgets, what, policy)\n',
    to: '  const { budgets } = state\n',
    suites: [walk, suite('lifecycle/stories.test.ts')],
  },
  // What is said, and who is touched
  {
    name: 'READY is said before it is known whose listener it is',
    file: 'src/supervisor/gateway.ts',
    from: "    if (!isListening()) return seen('silent', `pid ${pid} does not listen on port ${settings.port}`)\n",
    to: '',
    suites: [suite('processes/readiness.slow.test.ts', 'outside the tree')],
  },
  {
    name: 'READY is said of any answer',
    file: 'src/supervisor/gateway.ts',
    from: "return seen('stranger', `",
    to: "return seen('ready', `",
    suites: [suite('processes/readiness.slow.test.ts', 'HTML')],
  },
  {
    name: 'the lock is let go between a crash and the next start',
    file: 'src/supervisor/supervise.ts',
    from: "if (to.phase === 'held' && settings.lifecycle.onHold === 'wait') debt.letGo()",
    to: "if (to.phase === 'held' || to.phase === 'backing-off') debt.letGo()",
    suites: [suite('processes/endings.test.ts', 'between a crash and the next start')],
  },
  {
    name: 'the lock is never let go',
    file: 'src/supervisor/supervise.ts',
    from: "        if (to.phase === 'held' && settings.lifecycle.onHold === 'wait') debt.letGo()\n",
    to: '',
    suites: [suite('processes/commands.slow.test.ts', 'can be repaired beside it')],
  },
  {
    name: 'an orphan is ended whatever its program is',
    file: 'src/supervisor/take-over.ts',
    from: "isVerified: child.exe !== null && exe === child.exe.replace(/ \\(deleted\\)$/, '')",
    to: 'isVerified: child.exe !== null || exe === undefined',
    suites: [takeOver],
  },
  {
    name: 'an orphan is ended without knowing that it is the same process',
    file: 'src/supervisor/take-over.ts',
    from: '    if (!isAlive(child)) return null\n',
    to: '',
    suites: [takeOver],
    sample: true,
  },
  {
    name: 'the gateway of a supervisor that lives is an orphan',
    file: 'src/supervisor/take-over.ts',
    from: '  if (openFilesOf(parent).includes(ask.lockPath)) return refusedFor(ask.lockPath, null)\n',
    to: '',
    suites: [takeOver],
  },
  {
    name: 'what the gateway left behind lives on',
    file: 'src/supervisor/gateway.ts',
    from: '    const leftBehind = await sweep(start, settings.sweepMs, tools)\n',
    to: '    const leftBehind: string[] = []\n    void sweep\n',
    suites: [suite('processes/without-koffi.test.ts', 'left group, session and parent')],
  },
  {
    name: 'nobody looks for another gateway',
    file: 'src/supervisor/debt.ts',
    from: 'const before = (await findOther()) ?? (await lookAtPort(() => {}))',
    to: 'const before = await lookAtPort(() => {})',
    suites: [suite('processes/foreign-gateway.test.ts')],
  },
  {
    name: 'a gateway is recovered and started beside whoever has its port',
    file: 'src/supervisor/debt.ts',
    from: '    return obstruction === null ? null : obstructed(obstruction)\n',
    to: '    return null\n',
    suites: [suite('processes/readiness.slow.test.ts', 'a stranger on the port')],
  },
  {
    name: 'a lock of the gateway is believed although its process is gone',
    file: 'src/supervisor/running-gateway.ts',
    from: '    if (startTicks !== null && startTicks !== holder.startTicks) continue\n',
    to: '',
    suites: [suite('processes/foreign-gateway.test.ts')],
  },
  {
    name: 'a hold is not told',
    file: 'src/supervisor/status-of.ts',
    from: "    hold: to.phase === 'held' ? to.hold : null,\n",
    to: '    hold: null,\n',
    suites: [suite('processes/endings.test.ts', 'exit 78')],
  },
  {
    name: 'a hold is forgotten by the next supervisor',
    file: 'src/supervisor/status-of.ts',
    from: "  if (before.phase === 'held' && before.hold?.kind !== 'recovery') return fullBudgets\n",
    to: "  if (before.phase === 'held') return fullBudgets\n",
    suites: [suite('supervisor/status.test.ts')],
  },
  {
    name: 'the back-off is dropped',
    file: 'src/supervisor/loop.ts',
    from: 'forgetTimeout = world.after(next.timeoutMs,',
    to: 'forgetTimeout = world.after(0,',
    suites: [loop],
  },
  {
    name: 'it starts again before the recovery is confirmed',
    file: 'src/supervisor/loop.ts',
    from: "outcome.is === 'consistent' ?",
    to: "outcome.is !== 'needs-operator' ?",
    suites: [loop],
    sample: true,
  },
  {
    name: 'a recovery that could not be confirmed counts as one',
    file: 'src/supervisor/debt.ts',
    from: "    if (recovery.is === 'retry-later') return recovery\n",
    to: '',
    suites: [suite('processes/endings.test.ts', 'could not confirm')],
  },
  {
    name: 'a child is born although the mark cannot be written',
    file: 'src/supervisor/births.ts',
    from: "      return { is: 'failed', why, canPass: true }\n",
    to: '      void why\n',
    suites: [suite('processes/endings.test.ts', 'without a mark')],
  },
  {
    name: 'the mark is written after the child is born',
    file: 'src/supervisor/births.ts',
    from: '      await debt.incur(run, version)\n',
    to: '      await Promise.resolve()\n',
    suites: [suite('processes/endings.test.ts', 'without a mark')],
  },
  {
    name: 'the mark goes although nothing was confirmed',
    file: 'src/supervisor/debt.ts',
    from: '      if (isConfirmed)\n',
    to: '      if (true as boolean)\n',
    suites: [suite('processes/endings.test.ts', 'the mark stays')],
  },
  {
    name: 'the status names a supervisor without its start time',
    file: 'src/supervisor/status-of.ts',
    from: '    supervisor: { ...own, startedAt: now, version },\n',
    to: '    supervisor: { ...own, startTicks: 0, startedAt: now, version },\n',
    suites: [suite('processes/endings.test.ts', 'was killed is a crash')],
  },
  {
    name: 'the status names a child without its start time',
    file: 'src/supervisor/births.ts',
    from: '      child: { ...identity, number,',
    to: '      child: { ...identity, startTicks: 0, number,',
    suites: [suite('processes/endings.test.ts', 'was killed is a crash')],
  },
  {
    name: 'the mark names a child without its start time',
    file: 'src/supervisor/debt.ts',
    from: '      const named = { ...child, exe:',
    to: '      const named = { ...child, startTicks: 0, exe:',
    suites: [suite('processes/without-koffi.test.ts', 'a second supervisor is refused')],
  },
  {
    name: 'a status of a later version is written over',
    file: 'src/supervisor/supervise.ts',
    from: "  if (written.is === 'newer')\n",
    to: '  if (false as boolean)\n',
    suites: [suite('bad-input.test.ts', 'future version')],
  },
  // Databases
  {
    name: 'what was mended is not verified',
    file: 'src/host/sqlite-mend.ts',
    from: '        if (left.length > 0) return',
    to: '        if (false as boolean) return',
    suites: [withSqlite('host/sqlite.test.ts')],
  },
  {
    name: 'a snapshot is not verified',
    file: 'src/host/sqlite.ts',
    from: '    if (why !== undefined) return why\n    chmod',
    to: '    chmod',
    suites: [withSqlite('host/sqlite.test.ts')],
    sample: true,
  },
  {
    name: 'a snapshot that was cut off is restored',
    file: 'src/recovery/database-snapshots.ts',
    from: "    if (head?.is === 'database' && sizeAgainst(head, snapshot.stat.bytes) === null) return snapshot",
    to: "    if (head?.is === 'database') return snapshot",
    suites: [databases],
  },
  {
    name: 'the old log is left beside a restored database',
    file: 'src/recovery/look-at-store.ts',
    from: '    this.#asideBeside(one, [because])\n    this.#eyes.notes.remedy(',
    to: '    this.#eyes.notes.remedy(',
    suites: [databaseCuts],
  },
  {
    name: 'the old log is left beside a mended database',
    file: 'src/recovery/look-at-store.ts',
    from: '    this.#asideBeside(one, because)\n    notes.remedy(',
    to: '    notes.remedy(',
    suites: [databaseCuts],
  },
  {
    name: 'the database comes before its old log is gone',
    file: 'src/recovery/notebook.ts',
    from: "= ['sidecar', 'content',",
    to: "= ['content', 'sidecar',",
    suites: [databaseCuts],
  },
  {
    name: 'a look opens the database itself',
    file: 'src/host/sqlite.ts',
    from: '(copy) => asked(() => opened(copy, false), questions))',
    to: "() => asked(() => opened(path, false), { ...questions, ask: { ...questions.ask, fold: 'PRAGMA journal_mode=DELETE' } }))",
    suites: [databases],
  },
  {
    name: 'a database is copied without its log',
    file: 'src/host/sqlite.ts',
    from: '=> [path, `${path}-wal`, `${path}-journal`]',
    to: '=> [path]',
    suites: [databases],
  },
  {
    name: 'rows that are taken out are not told',
    file: 'src/host/sqlite-mend.ts',
    from: '    account.take(table, why, row)\n',
    to: '    void [why, row]\n',
    suites: [databases],
  },
  {
    name: 'a database of which nothing can be read is mended into an empty one',
    file: 'src/host/sqlite-salvage.ts',
    from: ' && carried.rows + carried.fromSnapshot === 0 && vital.includes(name))',
    to: ' && vital.includes(`${name}.`))',
    suites: [withSqlite('host/sqlite.test.ts')],
  },
  {
    name: 'an empty database passes for a new beginning',
    file: 'src/recovery/look-at-store.ts',
    from: "        : log !== undefined\n          ? 'its log is there'",
    to: "        : (false as boolean)\n          ? 'its log is there'",
    suites: [withSqlite('recovery/databases.test.ts', 'nothing else tells')],
  },
  {
    name: 'the newest snapshot is dropped for the sake of the older ones',
    file: 'src/recovery/database-snapshots.ts',
    from: 'there.slice(0, Math.max(0, there.length + 1 - generations))',
    to: 'there.slice(Math.min(there.length, generations - 1))',
    suites: [databases],
  },
  // Files of our own
  {
    name: 'a checkpoint is believed in any shape',
    file: 'src/recovery/checkpoint.ts',
    from: '    if (!isStored(parsed)) return undefined\n',
    to: '',
    suites: [suite('attack/limits.test.ts', 'a checkpoint with the right hash')],
  },
  {
    name: 'a generation is read at any length',
    file: 'src/recovery/generations.ts',
    from: ' || stat.bytes > indexLimitBytes',
    to: '',
    suites: [suite('attack/limits.test.ts', 'a generation longer')],
  },
  {
    name: 'a generation is not compared with its name',
    file: 'src/recovery/generations.ts',
    from: 'sha256(bytes) === generation.sha256 ?',
    to: '(true as boolean) ?',
    suites: [suite('recovery/generations.test.ts')],
  },
  {
    name: 'a small file of ours is read at any length',
    file: 'src/host/own-files.ts',
    from: '      if (seen.size > mostBytes) throw',
    to: '      if (false as boolean) throw',
    suites: [suite('host/own-files.test.ts')],
  },
  {
    name: 'a line is written into the file of somebody else',
    file: 'src/host/own-files.ts',
    from: '      if (nlink > 1) throw',
    to: '      if (false as boolean) throw',
    suites: [suite('host/own-files.test.ts')],
  },
  {
    name: 'a status is believed although its supervisor is gone',
    file: 'src/supervisor/status.ts',
    from: '  if (supervised) return status\n',
    to: '  if (supervised || !supervised) return status\n',
    suites: [suite('supervisor/status.test.ts')],
  },
]
