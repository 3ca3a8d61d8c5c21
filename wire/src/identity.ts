/** Which readings a payload speaks of, also when the payload breaks the rules of `decodeBatch`. */
import { maxBatchBytes, maxBatchReadings } from './batch.ts';
import { type GatewayId, isGatewayId } from './names.ts';
import { Reader } from './protobuf.ts';

/** The readings `(gateway, boot, firstSeq … firstSeq + count − 1)`. */
export interface BatchIdentity {
  readonly gateway: GatewayId;
  readonly boot: number;
  readonly firstSeq: number;
  readonly count: number;
}

/**
 * Reads the identity from the top-level fields of a `ReadingBatch` and looks at nothing else, so that a batch that was
 * rejected for one wrong value can still be told from a hole. The sender may have written anything: the caller has to
 * compare `gateway` with the name that the sender was admitted under.
 * @returns undefined when the bytes are no protobuf, or the identity breaks a rule itself.
 */
export function batchIdentity(bytes: Uint8Array): BatchIdentity | undefined {
  if (bytes.length > maxBatchBytes) return undefined;
  let gateway = '';
  let boot = 0;
  let firstSeq = 0;
  let valueBytes = 0;
  try {
    const reader = Reader.create(bytes);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      // Field number and wire type of wire/schema/millrace/v1/readings.proto; a later one replaces an earlier one.
      if (tag === ((1 << 3) | 2)) gateway = reader.string();
      else if (tag === ((2 << 3) | 1)) boot = Number(reader.fixed64());
      else if (tag === 3 << 3) firstSeq = Number(reader.uint64());
      else if (tag === ((7 << 3) | 2)) {
        const length = reader.uint32();
        valueBytes += length;
        reader.skip(length);
      } else if (tag === ((7 << 3) | 1)) {
        valueBytes += 8;
        reader.skip(8);
      } else reader.skipType(tag & 7);
    }
  } catch {
    return undefined; // Not protobuf, as far as it goes: there is no identity in it.
  }
  const count = valueBytes / 8;
  if (!isGatewayId(gateway) || !Number.isInteger(count) || count > maxBatchReadings) return undefined;
  for (const whole of [boot, firstSeq, firstSeq + count])
    if (!Number.isSafeInteger(whole) || whole < 0) return undefined;
  return { gateway, boot, firstSeq, count };
}
