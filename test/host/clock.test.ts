import { readFileSync } from 'node:fs'
import { describe as suite, expect, test, vi } from 'vitest'
import { systemClock as clock } from '../../src/host/clock.ts'
import { compiledHost, runModule } from './compiled.ts'

const host = compiledHost()

suite('what time is it', () => {
  test('another process reads the same clock', () => {
    const before = clock.monotonicMs()
    const there = runModule(
      `const { systemClock } = await import(${JSON.stringify(host('clock.js'))})
       console.log(systemClock.monotonicMs())`,
    )
    expect(there).toBeGreaterThan(before)
    expect(there).toBeLessThan(clock.monotonicMs())
  })

  test('it counts from boot, but for the time asleep', () => {
    const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000
    expect(clock.monotonicMs()).toBeLessThanOrEqual(uptimeMs + 1000)
    expect(clock.monotonicMs()).toBeGreaterThan(0)
  })

  test('it never goes back', () => {
    let last = clock.monotonicMs()
    for (let round = 0; round < 10_000; round++) {
      const now = clock.monotonicMs()
      expect(now).toBeGreaterThanOrEqual(last)
      last = now
    }
  })

  test('the wall clock is the one of people', () => {
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1000)
  })
})

suite('wake me later', () => {
  test('never early, by its own clock', async () => {
    for (const ms of [0, 1, 1.4, 7, 20]) {
      const begun = clock.monotonicMs()
      await new Promise<void>((resolve) => clock.after(ms, resolve))
      expect(clock.monotonicMs() - begun).toBeGreaterThanOrEqual(ms)
    }
  })

  test('a cancelled one does not fire', async () => {
    const fire = vi.fn()
    const cancel = clock.after(5, fire)
    clock.after(1, fire)()
    cancel()
    await new Promise<void>((resolve) => clock.after(30, resolve))
    expect(fire).not.toHaveBeenCalled()
    cancel()
  })

  test.each([2 ** 31, 2 ** 40, Infinity])('%d ms are not "at once", as they are to Node', async (ms) => {
    const fire = vi.fn()
    const cancel = clock.after(ms, fire)
    await new Promise<void>((resolve) => clock.after(20, resolve))
    expect(fire).not.toHaveBeenCalled()
    cancel()
  })

  test('a jump of the wall clock changes nothing', async () => {
    const fire = vi.fn()
    const soon = new Promise<void>((resolve) => clock.after(20, resolve))
    const cancel = clock.after(60_000, fire)
    const jump = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 365 * 86_400_000)
    try {
      await soon
      expect(fire).not.toHaveBeenCalled()
    } finally {
      jump.mockRestore()
      cancel()
    }
  })
})
