/** Rejected records as files, or as lines of JSON. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { matches, type RejectedFilter, type RejectedRecord, type RejectedTopic, visitRejected } from './rejected.ts';

/** Of a record, without its bytes; as in the `.json` file and in a line of `-`. */
export function metadataOf({ partition, offset, timestampMs, key, headers }: RejectedRecord): object {
  return { partition, offset: Number(offset), time: new Date(timestampMs).toISOString(), key, headers };
}

/** Two files a record: `<partition>-<offset>.bin` has its bytes, `.json` its headers. Returns how many records. */
export async function exportFiles(topic: RejectedTopic, filter: RejectedFilter, folder: string): Promise<number> {
  await mkdir(folder, { recursive: true });
  let count = 0;
  await visitRejected(topic, {
    async record(record) {
      if (!matches(filter, record)) return;
      const path = join(folder, `${record.partition}-${record.offset}`);
      await writeFile(`${path}.bin`, record.value ?? new Uint8Array());
      await writeFile(`${path}.json`, `${JSON.stringify(metadataOf(record), null, 2)}\n`);
      count++;
    },
  });
  return count;
}

/** A line of JSON a record, its bytes as base64. `write` resolves when there is room for the next. */
export async function exportLines(
  topic: RejectedTopic,
  filter: RejectedFilter,
  write: (line: string) => Promise<void>,
): Promise<number> {
  let count = 0;
  await visitRejected(topic, {
    async record(record) {
      if (!matches(filter, record)) return;
      const value = record.value === null ? null : Buffer.from(record.value).toString('base64');
      await write(`${JSON.stringify({ ...metadataOf(record), value })}\n`);
      count++;
    },
  });
  return count;
}
