/**
 * Rows a second and our CPU a row, from a preloaded topic of batches of 50 readings into the DEDUP table `readings`:
 *
 *   node sinks/bench/readings.ts [--rounds 8] [--records 20000] [--official-records 2000]
 *
 * Three ways in turn, so that a busy moment of the machine hits all of them: `sink` is the whole sink (Kafka, decode,
 * encode, HTTP, commit); `encoder` and `official` write the same decoded batches without Kafka, by our encoder and by
 * the official client. CPU is this process's own (user and system). Servers: those of MILLRACE_TEST_*, or its own.
 */
import { parseArgs } from 'node:util';
import { type Batch, clockNames, decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import { LineBuffer } from '../src/questdb/line-protocol.ts';
import { openSender } from '../src/questdb/official.ts';
import { encodeBatchLines } from '../src/readings/sink.ts';
import { type Lab, openLab, readingsRecord, testBatch, until } from '../src/testing.ts';

const rowsPerRecord = 50;
const rowsPerRequest = 10_000;

interface Round {
  readonly rowsPerSecond: number;
  readonly cpuUs: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    records: { type: 'string', default: '20000' },
    'official-records': { type: 'string', default: '2000' },
  },
});
const [rounds, records, officialRecords] = [
  Number(values.rounds),
  Number(values.records),
  Number(values['official-records']),
];

/** Made before anything is measured. */
const sealed = Array.from({ length: records }, (_, i) => encodeBatch(batchAt(i)));

const results = { sink: [] as Round[], encoder: [] as Round[], official: [] as Round[] };
for (let round = 1; round <= rounds; round++) {
  await using lab = await openLab({ partitions: 4 });
  // They cost the server, and would be given up by TRUNCATE; `dashboard/bench/queries.ts` measures with them.
  for (const step of ['1d', '1h', '15m', '1m'])
    await lab.http.query(`DROP MATERIALIZED VIEW ${lab.tablePrefix}readings_${step}`);
  await preload(lab);
  results.sink.push(await measure(records, () => throughTheSink(lab)));
  await lab.http.query(`TRUNCATE TABLE ${lab.tablePrefix}readings`);
  results.encoder.push(await measure(records, () => byOurEncoder(lab)));
  await lab.http.query(`TRUNCATE TABLE ${lab.tablePrefix}readings`);
  results.official.push(await measure(officialRecords, () => byTheOfficialClient(lab)));
  const tables = ['readings', 'stats', 'alerts', 'gateways', 'zones', 'series', 'acknowledgements'];
  for (const table of [...tables, 'sink_probe', 'migrations'])
    await lab.http.query(`DROP TABLE ${lab.tablePrefix}${table}`);
  for (const [name, done] of Object.entries(results)) console.log(`round ${round} ${name}: ${show(done.at(-1)!)}`);
}
for (const [name, done] of Object.entries(results)) {
  const median = (pick: (round: Round) => number): number => done.map(pick).sort((a, b) => a - b)[done.length >> 1]!;
  console.log(
    `median of ${rounds} ${name}: ${show({ rowsPerSecond: median(one => one.rowsPerSecond), cpuUs: median(one => one.cpuUs) })}`,
  );
}
process.exit(0); // Servers of our own end with the process.

function show({ rowsPerSecond, cpuUs }: Round): string {
  return `${Math.round(rowsPerSecond).toLocaleString('en')} rows/s, ${cpuUs.toFixed(2)} µs of our CPU a row`;
}

async function measure(count: number, work: () => Promise<void>): Promise<Round> {
  const rows = count * rowsPerRecord;
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { rowsPerSecond: rows / ((performance.now() - from) / 1000), cpuUs: (user + system) / rows };
}

function batchAt(i: number): Batch {
  return testBatch({ gateway: `lamp-${i % 40}`, firstSeq: Math.floor(i / 40) * rowsPerRecord });
}

async function preload(lab: Lab): Promise<void> {
  for (let i = 0; i < records; i += 500) {
    const part = Array.from({ length: Math.min(500, records - i) }, (_, j) =>
      readingsRecord(lab.topics.readings, batchAt(i + j)),
    );
    await Promise.all(part.map(record => lab.producer.send(record)));
  }
}

/** Until every offset is committed, which is after every 204. */
async function throughTheSink(lab: Lab): Promise<void> {
  await using sinks = await lab.start(['readings'], { lingerMs: 40 });
  await Promise.race([
    until('all offsets', async () => (await lab.committed('readings', lab.topics.readings)) === records, 300_000),
    sinks.failed,
  ]);
}

async function byOurEncoder(lab: Lab): Promise<void> {
  const buffers = [new LineBuffer(4_000_000, rowsPerRequest), new LineBuffer(4_000_000, rowsPerRequest)];
  const sending: Promise<unknown>[] = [];
  for (let i = 0, request = 0; i < records; request++) {
    const lines = buffers[request % 2]!;
    await sending[request - 2];
    lines.reset();
    while (i < records && lines.rows < rowsPerRequest)
      encodeBatchLines(
        `${lab.tablePrefix}readings`,
        decodeBatch(sealed[i++ % sealed.length]!),
        1_760_000_001_000_000,
        lines,
      );
    sending.push(lab.http.write(lines.lines()));
  }
  await Promise.all(sending);
}

async function byTheOfficialClient(lab: Lab): Promise<void> {
  const sender = openSender(lab.questdb);
  for (let i = 0, rows = 0; i < officialRecords; i++) {
    const batch = decodeBatch(sealed[i % sealed.length]!);
    for (let at = 0; at < batch.value.length; at++) {
      const { zone, sensor, metric, unit } = batch.series[batch.seriesIndex[at]!]!;
      sender.table(`${lab.tablePrefix}readings`).symbol('site', batch.site);
      if (zone !== '') sender.symbol('zone', zone);
      sender.symbol('gateway', batch.gateway).symbol('sensor', sensor).symbol('metric', metric).symbol('unit', unit);
      sender
        .symbol('clock', clockNames[batch.clock])
        .floatColumn('value', batch.value[at]!)
        .intColumn('quality', batch.quality[at]!);
      sender
        .timestampColumn('received', 1_760_000_001_000_000, 'us')
        .intColumn('boot', batch.boot)
        .intColumn('seq', batch.firstSeq + at);
      await sender.at(batch.timeUs[at]!, 'us');
      if (++rows % rowsPerRequest === 0) await sender.flush();
    }
  }
  await sender.flush();
  await sender.close();
}
