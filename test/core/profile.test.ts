import { describe, expect, it } from 'vitest'
import { type Look, looksIn, partOf } from '../../bench/profile/parts.ts'

const within = (...frames: string[]) => partOf({ thread: 'workerd', frames })

describe('what a look at the server counts as', () => {
  it('is the script, where a function of a script or V8 at work for one is innermost', () => {
    expect(within('JS:*judge index.js:1:1', 'workerd::IoContext::run')).toMatch(/^JavaScript/)
    expect(within('Builtins_LoadIC', 'JS:~judge index.js:1:1')).toMatch(/^JavaScript/)
    expect(within('v8::internal::JsonParser::Parse', 'Builtins_JsonParse', 'JS:~judge')).toMatch(/^JavaScript/)
  })

  it('is what a script called, and not what the script was called by', () => {
    const judging = ['Builtins_HandleApiCall', 'JS:~judge', 'workerd::JsRpcSessionCustomEvent::run']
    expect(within('sqlite3VdbeExec', 'workerd::SqliteDatabase::run', ...judging)).toMatch(/^SQLite/)
    expect(within('__memmove', 'workerd::jsg::wrap', ...judging)).toMatch(/^promises/)
    expect(within('v8::ValueSerializer::WriteObject', ...judging)).toBe('serialising')
    expect(within('kj::Event::armDepthFirst', 'workerd::JsRpcTargetBase::call')).toBe('the call to the Gatekeeper')
  })

  it('is the disk rather than the SQLite that waits for it, and garbage whoever made it', () => {
    expect(within('vfs_fsync_range', 'fdatasync', 'sqlite3WalFrames')).toBe('commit and fsync')
    expect(within('v8::internal::Scavenger::Process', 'v8::internal::Heap::Allocate', 'JS:~judge')).toMatch(/garbage/)
  })

  it('is a thread beside, where the look was at one of V8’s own', () => {
    const frames = ['v8::internal::compiler::Run']
    expect(partOf({ thread: 'V8 DefaultWorke', frames })).toMatch(/^helper/)
  })
})

it('reads what perf prints, a look after the other, and leaves out one without a frame', async () => {
  const lines = ['workerd ', '    7f00 sqlite3Step', '\t  55aa JS:~judge index.js:3:1', '', 'V8 DefaultWorke ', '']
  const printed = (async function* () {
    yield* [...lines, 'workerd ', '    1234 epoll_wait']
  })()
  const looks: Look[] = []
  for await (const look of looksIn(printed)) looks.push(look)
  expect(looks).toEqual([
    { thread: 'workerd', frames: ['sqlite3Step', 'JS:~judge index.js:3:1'] },
    { thread: 'workerd', frames: ['epoll_wait'] },
  ])
})
