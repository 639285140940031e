declare module 'systemd-notify' {
  /** Runs the program systemd-notify; rejects with a string, or with the error of the spawn. */
  export default function notify(message: { ready?: true; status?: string }): Promise<unknown>
}
