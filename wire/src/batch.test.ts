import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { millrace } from '../gen/millrace.js';
import { type Batch, decodeBatch, encodeBatch, maxBatchBytes } from './batch.ts';
import type { GatewayId } from './names.ts';
import protobuf, { Reader } from './protobuf.ts';
import { RejectedError } from './rejected.ts';

const series = { sensor: 's1', metric: 'temperature', unit: 'Cel', intervalMs: 1000, zone: '' };
const good: Batch = {
  gateway: 'lamp-7' as GatewayId,
  site: 'town',
  boot: 2 ** 53 - 1,
  firstSeq: 40,
  series: [series],
  seriesIndex: [0, 0],
  timeUs: [1_790_000_000_000_000, 1_789_999_999_999_999],
  value: [21.5, -0.1],
  quality: [0, 1],
  clock: 1,
  completeThroughUs: 1_789_999_999_000_000,
  dropped: [{ firstSeq: 3, lastSeq: 9, reason: 'OUTBOX_FULL' }],
};

const raw = (change: Partial<millrace.v1.ReadingBatch.$Properties>): Uint8Array =>
  millrace.v1.ReadingBatch.encode({
    ...(millrace.v1.ReadingBatch.decode(Reader.create(encodeBatch(good))) as millrace.v1.ReadingBatch.$Properties),
    ...change,
  }).finish();

function rejects(bytes: Uint8Array, field: RegExp): void {
  assert.throws(
    () => decodeBatch(bytes),
    (error: unknown) => {
      assert.ok(error instanceof RejectedError, String(error));
      assert.match(error.field, field);
      return true;
    },
  );
}

test('a batch comes back as it was sealed, times backwards and 53-bit boots included', () => {
  assert.deepEqual(decodeBatch(encodeBatch(good)), good);
});

test('property: every valid batch survives the round trip', () => {
  const time = fc.integer({ min: 0, max: Date.UTC(2199, 0) }).map(ms => ms * 1000 + (ms % 1000));
  const column = <T>(one: fc.Arbitrary<T>, n: number) => fc.array(one, { minLength: n, maxLength: n });
  const batches = fc.integer({ min: 1, max: 60 }).chain(n =>
    fc.record({
      firstSeq: fc.maxSafeNat().map(x => Math.floor(x / 2)),
      boot: fc.maxSafeNat(),
      seriesIndex: column(fc.integer({ min: 0, max: 1 }), n),
      timeUs: column(time, n),
      value: column(fc.double({ noNaN: true, noDefaultInfinity: true }), n),
      quality: column(fc.integer({ min: 0, max: 3 }), n),
    }),
  );
  fc.assert(
    fc.property(batches, columns => {
      const batch = {
        ...good,
        ...columns,
        series: [series, { ...series, metric: 'humidity', unit: '%', lat: -36.8, lon: 174.7 }],
      };
      assert.deepEqual(decodeBatch(encodeBatch(batch)), batch);
    }),
    { numRuns: 200 },
  );
});

test('each broken rule is a RejectedError that names the field', () => {
  rejects(new Uint8Array(maxBatchBytes + 1), /^payload$/);
  rejects(Buffer.from('{"not":"protobuf"}'), /./);
  rejects(raw({ gateway: 'Lamp/7' }), /^gateway$/);
  rejects(raw({ value: [1] }), /^series_index$/);
  rejects(raw({ timeUs: [1] }), /^time_us$/);
  rejects(raw({ quality: [0] }), /^quality$/);
  rejects(raw({ quality: [0, 4] }), /^quality\[1\]$/);
  rejects(raw({ value: [1, Number.NaN] }), /^value\[1\]$/);
  rejects(raw({ value: [Number.POSITIVE_INFINITY, 1] }), /^value\[0\]$/);
  rejects(raw({ seriesIndex: [0, 1] }), /^series_index\[1\]$/);
  rejects(raw({ timeUs: [1, -2] }), /^time_us\[1\]$/);
  rejects(raw({ timeUs: [9e15, 0] }), /^time_us\[0\]$/);
  rejects(raw({ series: [{ ...series, unit: 'Celsius' }] }), /^series\[0\]\.unit$/);
  rejects(raw({ series: [{ ...series, sensor: 'a\nb' }] }), /^series\[0\]\.sensor$/);
  rejects(raw({ series: [{ ...series, lat: 91, lon: 0 }] }), /^series\[0\]\.lat$/);
  rejects(raw({ clock: 7 as 0 }), /^clock$/);
  rejects(raw({ dropped: [{ firstSeq: 9, lastSeq: 3, reason: 'x' }] }), /^dropped\[0\]\.last_seq$/);
  const none = { value: [], seriesIndex: [], timeUs: [], quality: [], dropped: [] };
  rejects(raw({ ...none, completeThroughUs: 0 }), /^value$/);
  assert.equal(decodeBatch(raw({ ...none, completeThroughUs: 5 })).completeThroughUs, 5, 'a claim may stand alone');
  const many = 10_001;
  rejects(
    raw({
      value: Array.from({ length: many }, () => 0),
      seriesIndex: Array.from({ length: many }, () => 0),
      timeUs: Array.from({ length: many }, () => 1),
      quality: [],
    }),
    /^value$/,
  );
});

test('a boot or sequence number beyond 2^53 is refused, not rounded', () => {
  const writer = (await_: number): Uint8Array => {
    const bytes = Buffer.from(encodeBatch({ ...good, boot: 1 }));
    const at = bytes.indexOf(Buffer.from([0x11, 1, 0, 0, 0, 0, 0, 0, 0]));
    bytes[at + 8] = await_;
    return bytes;
  };
  rejects(writer(0x80), /^boot$/);
});

test('a megabyte of tiny submessages is refused before it takes memory', () => {
  const bomb = Buffer.alloc(1_000_000);
  for (let i = 0; i < bomb.length; i += 2) bomb.set([0x22, 0x00], i);
  const before = process.memoryUsage().heapUsed;
  rejects(bomb, /^series$/);
  assert.ok(process.memoryUsage().heapUsed - before < 5_000_000);
});

test('property: mutated bytes either decode to a valid batch or are rejected, never anything else', () => {
  const bytes = encodeBatch(good);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), changes => {
      const mutated = Uint8Array.from(bytes);
      for (const [at, byte] of changes) mutated[at] = byte;
      try {
        const batch = decodeBatch(mutated);
        assert.ok(batch.value.every(Number.isFinite));
        assert.equal(batch.timeUs.length, batch.value.length);
      } catch (error) {
        assert.ok(error instanceof RejectedError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test('a series that was seen before is the same object, whatever batch it comes in; a wrong one is refused each time', () => {
  const other = { ...series, metric: 'humidity', unit: '%' };
  const [a, b] = [
    { ...good, series: [series, other] },
    { ...good, firstSeq: 90, series: [other] },
  ].map(batch => decodeBatch(encodeBatch(batch)));
  assert.equal(a!.series[1], b!.series[0]);
  assert.ok(Object.isFrozen(b!.series[0]));
  assert.equal(decodeBatch(encodeBatch({ ...good, firstSeq: 91, series: [other] })).series, b!.series);
  for (let i = 0; i < 2; i++) rejects(raw({ series: [{ ...series, unit: 'Celsius' }] }), /^series\[0\]\.unit$/);
});

test('which series a batch has does not depend on what was decoded before it', () => {
  // Bytes that are a series in one batch and the inside of one in another: 0x22 is the tag of a series in a batch, and of
  // a field that a series leaves out.
  const inner = millrace.v1.Series.encode({ ...series, sensor: 'inner' }).finish();
  const outer = millrace.v1.Series.encode(series).finish();
  const field = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([0x22, bytes.length]), bytes]);
  const nested = Buffer.concat([outer, field(inner)]);
  const rest = encodeBatch({ ...good, series: [] });
  const two = Buffer.concat([rest, field(outer), field(inner)]);
  const one = Buffer.concat([rest, field(nested)]);
  for (const bytes of [two, one, two, one]) assert.equal(decodeBatch(bytes).series.length, bytes === two ? 2 : 1);
});

test('columns may come number by number, and fields of another type or number are left out', () => {
  const { value, timeUs, seriesIndex, quality, ...rest } = good;
  const packed = encodeBatch({ ...rest, value: [], timeUs: [], seriesIndex: [], quality: [] });
  const more = protobuf.Writer.create();
  for (const index of seriesIndex) more.uint32(5 << 3).uint32(index);
  more
    .uint32(6 << 3)
    .sint64(timeUs[0]!)
    .uint32(6 << 3)
    .sint64(timeUs[1]! - timeUs[0]!);
  for (const one of value) more.uint32((7 << 3) | 1).double(one);
  for (const one of quality) more.uint32(8 << 3).uint32(one);
  more
    .uint32((3 << 3) | 5)
    .fixed32(77)
    .uint32((99 << 3) | 2)
    .string('of a later version');
  assert.deepEqual(decodeBatch(Buffer.concat([packed, more.finish()])), good);
});
