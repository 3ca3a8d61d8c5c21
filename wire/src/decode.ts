import { Reader } from './protobuf.ts';
import { RejectedError } from './rejected.ts';

/** Runs a generated decoder without keeping unknown fields; whatever it throws becomes a `RejectedError`. */
export function decode<T>(name: string, bytes: Uint8Array, decoder: (reader: InstanceType<typeof Reader>) => T): T {
  const reader = Reader.create(bytes);
  reader.discardUnknown = true;
  try {
    return decoder(reader);
  } catch (error) {
    throw new RejectedError(
      'payload',
      `not a protobuf ${name} (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}
