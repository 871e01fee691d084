import { parentPort, workerData } from 'node:worker_threads'

// Says when a call is due. Timers are good to a millisecond; a thread that waits on a lock is good to 0.1 of one.

const { startAt, intervalMs, count } = workerData as { startAt: number; intervalMs: number; count: number }
const never = new Int32Array(new SharedArrayBuffer(4))

for (let call = 0; call < count; call++) {
  const waitMs = startAt + call * intervalMs - Number(process.hrtime.bigint()) / 1e6
  if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs)
  parentPort?.postMessage(null)
}
