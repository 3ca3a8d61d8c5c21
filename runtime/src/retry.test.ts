import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransientError } from './errors.ts';
import { openLog } from './log.ts';
import { backoffMs, keepTrying } from './retry.ts';

const log = openLog('retry-test', 'silent');
const signal = new AbortController().signal;

test('a transient failure is tried again, another error is not', async () => {
  let tries = 0;
  assert.equal(
    await keepTrying('it', async () => (++tries < 3 ? Promise.reject(new TransientError('away')) : tries), {
      log,
      signal,
      minDelayMs: 1,
    }),
    3,
  );
  await assert.rejects(
    keepTrying('it', () => Promise.reject(new RangeError('wrong')), { log, signal }),
    RangeError,
  );
});

test('the signal ends a wait with its own reason', async () => {
  const stopping = new AbortController();
  const reason = new Error('stopping');
  const trying = keepTrying('it', () => Promise.reject(new TransientError('away')), {
    log,
    signal: stopping.signal,
    minDelayMs: 60_000,
    maxDelayMs: 60_000,
  });
  setImmediate(() => stopping.abort(reason));
  await assert.rejects(trying, error => error === reason);
});

test('the wait doubles up to its limit, with jitter of half', () => {
  assert.deepEqual(
    [0, 1, 2, 9].map(tries => backoffMs(tries, 100, 1000, () => 0.5)),
    [100, 200, 400, 1000],
  );
  assert.deepEqual([backoffMs(0, 100, 1000, () => 0), backoffMs(0, 100, 1000, () => 1)], [50, 150]);
});
