import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageOfAlert, signedHeaders } from './message.ts';
import { testAlert } from './testing.ts';

test('signs as the Standard Webhooks specification does: its published example', () => {
  const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: Buffer.from('{"test": 2432232314}') };
  assert.deepEqual(signedHeaders(message, 1_614_265_330, [key, key]), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature':
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('an alert has an id for each of its states, which fits into a header whatever the alert is called', () => {
  assert.equal(messageOfAlert(testAlert()).id, 'a-1_raised');
  assert.equal(messageOfAlert(testAlert({ state: 0 })).id, 'a-1_cleared');
  for (const id of ['a.b', 'a\r\nx: y', '', 'ä'.repeat(300)]) {
    const { id: safe } = messageOfAlert(testAlert({ id }));
    assert.match(safe, /^[0-9a-f]{64}_raised$/);
    assert.equal(messageOfAlert(testAlert({ id })).id, safe);
  }
});

test('the body says what the table says; what there is none of is null', () => {
  const parse = (...[changes]: Parameters<typeof testAlert>): unknown =>
    JSON.parse(messageOfAlert(testAlert(changes)).body.toString());
  const { id, rule, gateway, sensor, metric, value, message } = testAlert();
  assert.deepEqual(parse(), {
    type: 'alert.raised',
    timestamp: '2025-10-09T08:53:20.123456Z',
    data: { id, rule, severity: 'critical', state: 'raised', gateway, sensor, metric, value, message },
  });
  assert.deepEqual(parse({ sensor: '', metric: '', value: Number.NaN, severity: 0, state: 0, atUs: 7 }), {
    type: 'alert.cleared',
    timestamp: '1970-01-01T00:00:00.000007Z',
    data: { id, rule, severity: 'info', state: 'cleared', gateway, sensor: null, metric: null, value: null, message },
  });
});
