/** The fixed header of an MQTT packet, MQTT 3.1.1 § 2.2: enough to know where a packet ends and what it is. */

export interface FrameHeader {
  /** MQTT 3.1.1 § 2.2.1. */
  readonly type: number;
  /** Of the whole packet, this header included. */
  readonly sizeBytes: number;
}

export const packetType = { publish: 3, pingreq: 12 } as const;

/** [MQTT-2.2.3] The remaining length takes one to four bytes. */
const maxLengthBytes = 4;

/** @returns undefined when the header does not end within `bytes`, `'malformed'` when it never will. */
export function readHeader(bytes: Uint8Array, at: number): FrameHeader | 'malformed' | undefined {
  let remaining = 0;
  for (let i = 1; i <= maxLengthBytes; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) return { type: bytes[at]! >> 4, sizeBytes: 1 + i + remaining };
  }
  return 'malformed';
}
