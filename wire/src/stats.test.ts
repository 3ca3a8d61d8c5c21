import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAlert, encodeAlert } from './alert.ts';
import type { GatewayId } from './names.ts';
import { RejectedError } from './rejected.ts';
import { decodeStats, encodeStats } from './stats.ts';
import { decodeStatus, encodeStatus } from './status.ts';
import { decodeZoneParts, decodeZoneStats, encodeZoneParts, encodeZoneStats, zoneKey } from './zones.ts';

const gateway = 'lamp-7' as GatewayId;

test('statistics come back with nulls where nothing is defined', () => {
  const series = { sensor: 's', metric: 'm', unit: '1', intervalMs: 0, zone: 'z' };
  const row = {
    series,
    startUs: 60_000_000,
    count: 1,
    expected: 0,
    mean: 2,
    min: 2,
    max: 2,
    stddev: null,
    p50: null,
    p95: null,
    p99: null,
    rate: null,
    first: 2,
    last: 2,
    revision: 3,
    final: true,
  };
  const batch = {
    gateway,
    site: 'town',
    window: '1m',
    rows: [row, { ...row, startUs: 0, final: false, stddev: 0.5, rate: 1.5 }],
  };
  assert.deepEqual(decodeStats(encodeStats(batch)), batch);
});

test('status and alerts come back, and foreign bytes are rejected', () => {
  const status = {
    gateway,
    site: '',
    state: 1,
    version: '0.1.0',
    boot: 7,
    lastSeq: -1,
    outboxReadings: 0,
    outboxBytes: 0,
    dropped: 0,
    clock: 1,
    clockOffsetMs: -20,
    unsent: [],
    completeThroughUs: 0,
    atUs: 5,
  } as const;
  assert.deepEqual(decodeStatus(encodeStatus(status)), status);
  const alert = {
    id: 'a',
    gateway,
    sensor: 's',
    metric: 'm',
    rule: 'r',
    severity: 1,
    state: 1,
    value: 3.5,
    message: 'high',
    atUs: 9,
  } as const;
  assert.deepEqual(decodeAlert(encodeAlert(alert)), alert);
  for (const decode of [decodeStatus, decodeAlert, decodeStats])
    assert.throws(() => decode(Buffer.from('\xff\xff\xff')), RejectedError);
});

test('zones come back with nulls where nothing is computed, and have a key without ambiguity', () => {
  const of = { site: 'town', zone: 'a/b', metric: 'c', unit: 'Cel' };
  const counts = {
    startUs: 60_000_000,
    sensors: 2,
    sensorsExpected: 3,
    count: 4,
    expected: 6,
    mean: 2,
    meanOfMeans: 2.5,
    min: -1,
    max: 9,
    revision: 3,
    final: true,
  };
  const parts = {
    ...of,
    source: 11,
    settledThroughUs: 60_000_000,
    parts: [{ ...counts, sketch: Buffer.from([1, 2]) }],
  };
  assert.deepEqual(decodeZoneParts(encodeZoneParts(parts)), parts);
  const stats = {
    ...of,
    window: '1m',
    rows: [
      { ...counts, p50: 1, p95: 2, p99: 3 },
      { ...counts, p50: null, p95: null, p99: null },
    ],
  };
  assert.deepEqual(decodeZoneStats(encodeZoneStats(stats)), stats);
  assert.notEqual(zoneKey(of), zoneKey({ ...of, zone: 'a', metric: 'b/c' }));
});
