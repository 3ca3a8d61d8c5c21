/** `readings.v1` → Parquet files in a folder or a bucket. */
import type { Sink, SinkFamily } from '../sink.ts';
import { type LakeConfig, secretOf } from './config.ts';
import { FolderStore } from './folder.ts';
import { Lake } from './lake.ts';
import type { ObjectStore } from './objects.ts';
import { S3Store } from './s3.ts';

export const lake: SinkFamily = {
  name: 'lake',
  sinksOf: ({ lake }) => (lake === undefined ? [] : [lakeSink(lake)]),
};

/** @throws {ConfigError} when the secret cannot be read. */
export function lakeSink(config: LakeConfig): Sink {
  const store = storeOf(config);
  return {
    name: 'lake',
    topics: ['readings'],
    openStore: context => new Lake({ ...config, store }, context),
  };
}

function storeOf({ folder, s3 }: LakeConfig): ObjectStore {
  return s3 === undefined ? new FolderStore(folder!) : new S3Store({ ...s3, secretAccessKey: secretOf(s3) });
}
