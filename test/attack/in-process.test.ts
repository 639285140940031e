/** Each attack against recovery itself: nothing outside changes, nothing throws, and a second look agrees. */
import { expect, test } from 'vitest'
import { Distrusted } from '../../src/recovery/distrust.ts'
import { recover } from '../../src/recovery/recover.ts'
import { stateAt } from '../recovery/state.ts'
import { attacks } from './attacks.ts'
import { attackRoom } from './room.ts'

/** Taken by the command line before recovery is asked. */
const beforeRecovery = /^our lock|^our folder/

test.each(attacks)('$name', async ({ name, make, repair }) => {
  const room = attackRoom()
  await make(room)
  const { site } = stateAt(room.stateDir)
  const began = performance.now()
  const recovery = await recover(site, { owed: 'another-boot', trigger: 'test' })
  expect(performance.now() - began).toBeLessThan(10_000)
  expect(room.touched()).toBeUndefined()
  if (beforeRecovery.test(name)) return
  expect(recovery, JSON.stringify(recovery, null, 1)).toMatchObject({
    is: repair === 0 ? expect.stringMatching(/^(consistent|repaired)$/) : 'needs-operator',
  })
  // The same answer again, and nothing more to do.
  const again = await recover(site, { owed: 'another-boot', trigger: 'test' })
  expect(again).toMatchObject({ is: repair === 0 ? 'consistent' : 'needs-operator', repairId: null })
  expect(room.touched()).toBeUndefined()
})

test('what is distrusted is told with the one command to run next', () => {
  expect(new Distrusted('it leads outside', '/a b').command).toBe("ls -ld '/a b'")
})
