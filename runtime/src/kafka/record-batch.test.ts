import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { partitionOfKey } from './murmur2.ts';
import { encodeBatch, recordBytes } from './record-batch.ts';
import { repairKafkaJs } from './repairs.ts';
import type { OutgoingRecord } from './types.ts';

const require = createRequire(import.meta.url);

interface DecodedBatch {
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly inTransaction: boolean;
  readonly maxTimestamp: string;
  readonly records: readonly {
    readonly offset: string;
    readonly key: Buffer;
    readonly value: Buffer | null;
    readonly headers: Record<string, Buffer>;
  }[];
}

const text = fc.string({ unit: 'grapheme', maxLength: 80 });
const bytes = fc.uint8Array({ maxLength: 300 });
const record: fc.Arbitrary<OutgoingRecord> = fc.record({
  topic: fc.constant('t'),
  key: text,
  value: fc.option(bytes),
  // Prefixed: kafkajs's decoder trips over names that every object has.
  headers: fc.dictionary(
    text.map(name => `h-${name}`),
    text,
    { maxKeys: 3 },
  ),
});

test("what is encoded is what kafkajs's decoder reads, below and above the size from which it is compressed", async () => {
  repairKafkaJs();
  const Decoder = require('kafkajs/src/protocol/decoder') as new (raw: Buffer) => object;
  const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (from: object) => Promise<DecodedBatch>;
  const large = fc.constant({ topic: 't', key: 'large', value: new Uint8Array(20_000), headers: {} });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 20, arbitrary: record }, { weight: 1, arbitrary: large }), { minLength: 1 }),
      fc.bigInt({ min: 0n, max: 2n ** 53n }),
      fc.nat(32_767),
      fc.nat(2 ** 31 - 1),
      async (records, producerId, producerEpoch, firstSequence) => {
        const origin = { producerId: `${producerId}`, producerEpoch, firstSequence };
        const batch = await encodeBatch(records, origin, 1_790_000_000_000);
        assert.ok(batch.length <= 61 + records.reduce((sum, of) => sum + recordBytes(of), 0) + 20);
        const decoded = await decode(new Decoder(batch));
        const { producerId: id, producerEpoch: epoch, firstSequence: sequence, inTransaction, maxTimestamp } = decoded;
        assert.deepEqual({ producerId: id, producerEpoch: epoch, firstSequence: sequence }, origin);
        assert.deepEqual([inTransaction, maxTimestamp], [true, '1790000000000']);
        assert.deepEqual(
          decoded.records.map(({ offset, key, value, headers }) => ({
            offset,
            key: key.toString(),
            value,
            headers: Object.entries(headers).map(([name, of]) => [name, of.toString()]),
          })),
          records.map(({ key, value, headers }, i) => ({
            offset: `${i}`,
            key,
            value: value && Buffer.from(value),
            headers: Object.entries(headers ?? {}),
          })),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test("a key's partition is that of kafkajs's default partitioner, which is Java's", () => {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 100 }), (key, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 1 }));
      const expected = partitioner({
        topic: 't',
        partitionMetadata: partitionMetadata as kafkajs.PartitionMetadata[],
        message: { key, value: null },
      });
      assert.equal(partitionOfKey(key, partitions), expected);
    }),
    { numRuns: 1000 },
  );
});
