/** Where the supervisor keeps its own files: one folder in the state directory, so that all moves with it. */
export const ownPaths = (stateDir: string) => ({
  folder: `${stateDir}/supervise`,
  /** Held by the kernel for as long as a supervisor lives: there is one that writes the status. */
  supervisorLock: `${stateDir}/supervise/supervisor.lock`,
  /** On the state: held for as long as the gateway lives, or whoever repairs or starts one. */
  lock: `${stateDir}/supervise/lock`,
  status: `${stateDir}/supervise/status.json`,
  owed: `${stateDir}/supervise/owed.json`,
  ledger: `${stateDir}/supervise/ledger.jsonl`,
})

export type OwnPaths = ReturnType<typeof ownPaths>
