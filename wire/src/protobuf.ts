/**
 * protobufjs, set to give 64-bit integers as numbers. Everything we carry fits: sequence numbers, boots and microseconds
 * stay below 2^53 (the decoders check), and a `Long` object a reading would cost more than the rest of decoding.
 * The generated code takes protobufjs from here, since it looks at `util.Long` when it is loaded.
 */
import protobuf from 'protobufjs/minimal.js';

protobuf.util.Long = null as unknown as typeof protobuf.util.Long;
protobuf.configure();

export const { Reader } = protobuf;
export default protobuf;
