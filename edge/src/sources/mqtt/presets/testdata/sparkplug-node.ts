/** What an edge node sends: payloads encoded by field number of the Sparkplug 3.0.0 protobuf schema (§ 6.4.1). */
import protobuf from '@millrace/wire/protobuf.ts';

export interface NodeMetric {
  readonly name?: string;
  readonly alias?: number;
  readonly timestamp?: number;
  readonly datatype?: number;
  readonly isNull?: boolean;
  readonly properties?: Readonly<Record<string, string>>;
  readonly int?: number;
  readonly long?: number;
  readonly float?: number;
  readonly double?: number;
  readonly boolean?: boolean;
  readonly string?: string;
}

export function nodeMessage(timestamp: number, seq: number | undefined, metrics: readonly NodeMetric[]): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32((1 << 3) | 0).uint64(timestamp);
  for (const one of metrics) {
    writer.uint32((2 << 3) | 2).fork();
    if (one.name !== undefined) writer.uint32((1 << 3) | 2).string(one.name);
    if (one.alias !== undefined) writer.uint32((2 << 3) | 0).uint64(one.alias);
    if (one.timestamp !== undefined) writer.uint32((3 << 3) | 0).uint64(one.timestamp);
    if (one.datatype !== undefined) writer.uint32((4 << 3) | 0).uint32(one.datatype);
    if (one.isNull !== undefined) writer.uint32((7 << 3) | 0).bool(one.isNull);
    if (one.properties !== undefined) {
      writer.uint32((9 << 3) | 2).fork();
      for (const key of Object.keys(one.properties)) writer.uint32((1 << 3) | 2).string(key);
      for (const value of Object.values(one.properties)) {
        writer.uint32((2 << 3) | 2).fork();
        writer
          .uint32((1 << 3) | 0)
          .uint32(12)
          .uint32((8 << 3) | 2)
          .string(value)
          .ldelim();
      }
      writer.ldelim();
    }
    if (one.int !== undefined) writer.uint32((10 << 3) | 0).uint32(one.int);
    if (one.long !== undefined) writer.uint32((11 << 3) | 0).uint64(one.long);
    if (one.float !== undefined) writer.uint32((12 << 3) | 5).float(one.float);
    if (one.double !== undefined) writer.uint32((13 << 3) | 1).double(one.double);
    if (one.boolean !== undefined) writer.uint32((14 << 3) | 0).bool(one.boolean);
    if (one.string !== undefined) writer.uint32((15 << 3) | 2).string(one.string);
    writer.ldelim();
  }
  if (seq !== undefined) writer.uint32((3 << 3) | 0).uint64(seq);
  return writer.finish();
}
