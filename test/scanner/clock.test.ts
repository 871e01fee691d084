import { describe, expect, it } from 'vitest'
import { Clock } from '../../web/scanner/engine/clock.ts'

const hour = 3_600_000

/** A device whose two clocks the test sets. */
function device(skewMs: number | null = null) {
  const time = { mono: 1000, wallAt: 5_000_000 }
  const clock = new Clock({ monotonic: () => time.mono, wall: () => time.wallAt }, skewMs)
  let ids = 0
  return {
    time,
    clock,
    pass(ms: number) {
      time.mono += ms
      time.wallAt += ms
    },
    anchor: (serverTime: number, sentAt: number) => clock.anchor(serverTime, sentAt, () => `anchor ${++ids}`),
  }
}

describe('the clock', () => {
  it('is the server’s from the first answer on, half of the way there and back added', () => {
    const { clock, pass, anchor } = device()
    pass(100)
    anchor(9_000_000, 1000)
    expect(clock.now()).toBe(9_000_050)
    pass(5000)
    expect(clock.read()).toEqual({
      at: 9_005_050,
      clock: { anchorAt: 9_000_050, elapsedMs: 5000, anchorId: 'anchor 1' },
    })
  })

  it('threat 14: does not follow when somebody sets the device’s clock back', () => {
    const { clock, time, pass, anchor } = device()
    anchor(9_000_000, 1000)
    time.wallAt -= hour
    pass(1000)
    expect(clock.now()).toBe(9_001_000)
    expect(clock.state.source).toBe('server')
  })

  it('says that it is not vouched for where the device slept or its clock was set on', () => {
    const { clock, time, pass, anchor } = device()
    anchor(9_000_000, 1000)
    time.wallAt += hour
    pass(1000)
    expect(clock.read()).toEqual({ at: 9_001_000 + hour, clock: null })
    expect(clock.state.source).toBe('wall')
    anchor(9_002_000, time.mono)
    expect(clock.state.source).toBe('server')
    expect(clock.now()).toBe(9_002_000)
  })

  it('falls back after a restart on the device’s own clock, less what it was wrong by', () => {
    const { clock } = device(-hour)
    expect(clock.read()).toEqual({ at: 5_000_000 + hour, clock: null })
    expect(clock.state).toEqual({ skewMs: -hour, source: 'wall' })
  })

  it('keeps the better of two measurements, and takes a worse one when the better is old', () => {
    const { time, pass, anchor } = device()
    pass(20)
    expect(anchor(9_000_000, time.mono - 20)).toBe(true)
    pass(500)
    expect(anchor(9_999_999, time.mono - 400)).toBe(false)
    pass(15 * 60_000)
    expect(anchor(9_950_000, time.mono - 400)).toBe(true)
  })

  it('tells by how much the device’s clock is wrong', () => {
    const { clock, anchor } = device()
    anchor(5_000_000 - 90_000, 1000)
    expect(clock.state.skewMs).toBe(90_000)
  })
})
