/** A thread beside the supervisor's own, and the messages between the two. */
import { parentPort, Worker } from 'node:worker_threads'

export interface Thread {
  send(message: unknown): void
  /** Ends it; nothing of it outlives this. */
  end(): Promise<void>
}

/** Resolves with the first message, which says that it is at work; rejects when it cannot begin. `failed`: later. */
export const startThread = (
  module: URL,
  data: unknown,
  failed: (error: unknown) => void,
): Promise<{ thread: Thread; first: unknown }> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(module, { workerData: data, stdin: false })
    worker.once('error', (error) => {
      reject(error)
      failed(error)
    })
    worker.once('message', (first: unknown) => {
      // The supervisor's life does not depend on it.
      worker.unref()
      resolve({
        first,
        thread: {
          send: (message) => worker.postMessage(message),
          end: async () => {
            await worker.terminate()
          },
        },
      })
    })
  })

/** Inside the thread. */
export const toParent = (message: unknown): void => parentPort?.postMessage(message)
export const fromParent = (take: (message: unknown) => void): void => void parentPort?.on('message', take)
export { workerData as given } from 'node:worker_threads'
