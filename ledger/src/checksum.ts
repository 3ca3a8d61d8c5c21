/** One line that two tables share when they hold the same readings, whatever the order in which those came. */
import { createHash } from 'node:crypto';
import type { ReconcileOptions } from './reconcile.ts';
import { isoOf, type ReadingsTable } from './table.ts';

interface Row {
  readonly us: number;
  readonly gateway: string;
  readonly sensor: string;
  readonly metric: string;
  readonly value: number;
  readonly quality: number;
  readonly clock: string;
  readonly seq: number;
}

const pageRows = 20_000;
const lastUs = Date.UTC(2200, 0, 1) * 1000;

/**
 * `<rows> <256 bits, hex>`: the SHA-256 of each row's time, gateway, sensor, metric, value, quality, clock and seq, added
 * up as eight numbers of 32 bits each. Sums, unlike exclusive or, also see a row that is there twice. Reads in pages.
 */
export async function checksumOf(
  table: ReadingsTable,
  {
    gateway,
    fromUs = 0,
    toUs = lastUs,
    onProgress = () => {},
  }: Pick<ReconcileOptions, 'gateway' | 'fromUs' | 'toUs' | 'onProgress'>,
): Promise<string> {
  const sums = new Uint32Array(8);
  let rows = 0;
  const add = (row: Row): void => {
    const { us, gateway, sensor, metric, value, quality, clock, seq } = row;
    const hash = createHash('sha256')
      .update(JSON.stringify([us, gateway, sensor, metric, value, quality, clock, seq]))
      .digest();
    for (let i = 0; i < 8; i++) sums[i]! += hash.readUInt32BE(4 * i);
    rows++;
  };
  const filter = gateway === undefined ? '' : 'AND gateway = $3';
  let from = fromUs;
  for (let limit = pageRows; ; ) {
    const page = await table.query<Row>(
      `SELECT ts::long AS us, gateway, sensor, metric, value, quality, clock, seq FROM {table}
       WHERE ts >= $1 AND ts < $2 ${filter} ORDER BY ts LIMIT ${limit}`,
      [isoOf(from), isoOf(toUs), ...(gateway === undefined ? [] : [gateway])],
    );
    const last = page.at(-1)?.us;
    if (last === undefined || page.length < limit) {
      for (const row of page) add(row);
      break;
    }
    // More rows with the last time may follow: they all come with the next page.
    const whole = page.findLastIndex(({ us }) => us < last) + 1;
    if (whole === 0) {
      limit *= 2;
      continue;
    }
    for (let i = 0; i < whole; i++) add(page[i]!);
    limit = pageRows;
    from = last;
    onProgress(`checksum: ${rows} rows`);
  }
  return `${rows} ${Buffer.from(sums.buffer).toString('hex')}`;
}
