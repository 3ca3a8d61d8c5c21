/**
 * Bytes from the broker, with payloads beyond a limit taken out before MQTT.js would gather them in memory: such a PUBLISH
 * goes on with an empty payload, so that it is acknowledged in its turn. Cut off instead, it would be sent again for ever.
 */
import { Transform, type TransformCallback } from 'node:stream';

/** MQTT 3.1.1 § 2.2: type and flags, then the remaining length in at most four bytes. */
const longestFixedHeader = 5;
const publish = 3;
/** Topic of 65,535 bytes, its length, and the packet identifier: what stands before a payload at most. */
const longestVariableHeader = 65_535 + 2 + 2;

export class PayloadLimit extends Transform {
  readonly #maxBytes: number;
  readonly #onOversize: (topic: string, bytes: number) => void;
  /** The beginning of a packet that is not yet understood. */
  #head: Buffer = Buffer.alloc(0);
  #pass = 0;
  #skip = 0;

  /** Payloads up to 64 KiB beyond `maxBytes` may pass: whether they do depends on the topic's length. */
  constructor(maxBytes: number, onOversize: (topic: string, bytes: number) => void) {
    super();
    this.#maxBytes = maxBytes;
    this.#onOversize = onOversize;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0 || this.#pass > 0) {
        const end = Math.min(bytes.length, at + (this.#skip || this.#pass));
        if (this.#skip > 0) this.#skip -= end - at;
        else {
          this.push(bytes.subarray(at, end));
          this.#pass -= end - at;
        }
        at = end;
        continue;
      }
      const understood = this.#begin(bytes.subarray(at));
      if (understood instanceof Error) return done(understood);
      if (understood === undefined) break;
      at += understood;
    }
    this.#head = Buffer.from(bytes.subarray(at));
    done();
  }

  /** How many bytes were dealt with; undefined: more are needed. */
  #begin(bytes: Buffer): number | undefined | Error {
    let remaining = 0;
    let fixed = 1;
    for (; ; fixed++) {
      if (fixed === longestFixedHeader) return new Error('the broker sent a malformed packet');
      if (fixed >= bytes.length) return undefined;
      remaining += (bytes[fixed]! & 0x7f) * 128 ** (fixed - 1);
      if (bytes[fixed]! < 0x80) break;
    }
    fixed += 1;
    if (remaining <= this.#maxBytes + longestVariableHeader) {
      this.#pass = fixed + remaining;
      return 0;
    }
    if (bytes[0]! >> 4 !== publish) return new Error(`the broker sent a packet of ${remaining} bytes`);
    if (bytes.length < fixed + 2) return undefined;
    const topicBytes = bytes.readUInt16BE(fixed);
    const variable = 2 + topicBytes + ((bytes[0]! & 0b0110) === 0 ? 0 : 2);
    if (bytes.length < fixed + variable) return undefined;
    this.#onOversize(bytes.toString('utf8', fixed + 2, fixed + 2 + topicBytes), remaining - variable);
    this.push(Buffer.concat([bytes.subarray(0, 1), lengthBytes(variable), bytes.subarray(fixed, fixed + variable)]));
    this.#skip = remaining - variable;
    return fixed + variable;
  }
}

function lengthBytes(length: number): Buffer {
  const bytes: number[] = [];
  let left = length;
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return Buffer.from(bytes);
}
