/** Recorded readings through the processors' own task: the alerts that the rules would have raised. */
import { AlertMonitor } from '@millrace/processors/alerts/monitor.ts';
import { RuleBook } from '@millrace/processors/alerts/rule-book.ts';
import type { Rule } from '@millrace/processors/alerts/rules.ts';
import { ReadingsTask } from '@millrace/processors/readings-task.ts';
import { parseWindows } from '@millrace/processors/windows.ts';
import { type Alert, decodeAlert } from '@millrace/wire/alert.ts';
import { Clock, encodeBatch, maxBatchReadings } from '@millrace/wire/batch.ts';
import { type GatewayId, kafkaTopics, readingHeaders } from '@millrace/wire/names.ts';
import type { Recording } from './rules-recorder.ts';

export interface Incident {
  readonly raised: Alert;
  /** undefined: still raised at the end of the recording. */
  readonly cleared: Alert | undefined;
}

export interface Replay {
  /** By the time they were raised. */
  readonly incidents: readonly Incident[];
  /** How many series (of a rule on gateways: gateways) each rule is about, by its name. */
  readonly about: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** Readings of one gateway within so much time go into one batch, which then says that there are no earlier ones. */
const sliceUs = 1_000_000;
/** Results are taken out this often; alerts do not depend on it. */
const batchesPerFlush = 1000;

export function replayRules(rules: readonly Rule[], recording: Recording): Replay {
  const notes: string[] = [];
  const say = (sentence: string): void => void notes.push(sentence);
  const unbounded = Number.MAX_SAFE_INTEGER;
  const limits = { seriesPerGateway: unbounded, series: unbounded };
  const topics = kafkaTopics('');
  const task = new ReadingsTask({
    partition: 0,
    topics,
    windows: parseWindows(['1m']),
    quantiles: false,
    counters: [],
    earlyIntervalMs: unbounded,
    keepUs: 0,
    maxHoldUs: unbounded,
    maxAheadUs: sliceUs,
    ledgerIntervalMs: unbounded,
    limits: { seriesPerGateway: unbounded, panesPerGateway: unbounded, panes: unbounded },
    alerts: new AlertMonitor({ rules, say, limits }),
  });
  const incidents = new Map<string, Incident>();
  const flush = (nowUs: number): void => {
    for (const { topic, value } of task.flush({ monotonicMs: 0, nowUs }).results) {
      if (topic !== topics.alerts) continue;
      const alert = decodeAlert(value!);
      const { raised = alert } = incidents.get(alert.id) ?? {};
      incidents.set(alert.id, { raised, cleared: alert.state === 1 ? undefined : alert });
    }
  };
  let [batches, endUs] = [0, 0];
  for (const batch of batchesOf(recording)) {
    task.process({
      key: batch.gateway,
      value: batch.bytes,
      headers: { [readingHeaders.receivedAt]: String(batch.endUs) },
      offset: BigInt(batches),
      timestampMs: Math.floor(batch.endUs / 1000),
    });
    endUs = batch.endUs;
    if (++batches % batchesPerFlush === 0) flush(endUs);
  }
  flush(endUs);
  const byTime = [...incidents.values()].sort((a, b) => a.raised.atUs - b.raised.atUs);
  return { incidents: byTime, about: aboutOf(rules, recording), notes };
}

interface SealedBatch {
  readonly gateway: GatewayId;
  readonly bytes: Uint8Array;
  readonly endUs: number;
}

function* batchesOf({ series, seriesIndex, timeUs, value }: Recording): Generator<SealedBatch> {
  const seqs = new Map<GatewayId, number>();
  for (let from = 0; from < timeUs.length; ) {
    const endUs = (Math.floor(timeUs[from]! / sliceUs) + 1) * sliceUs;
    const slice = new Map<GatewayId, number[]>();
    for (; from < timeUs.length && timeUs[from]! < endUs; from++) {
      const { gateway } = series[seriesIndex[from]!]!;
      const readings = slice.get(gateway);
      if (readings === undefined) slice.set(gateway, [from]);
      else readings.push(from);
    }
    for (const [gateway, readings] of slice) {
      for (let first = 0; first < readings.length; first += maxBatchReadings) {
        const part = readings.slice(first, first + maxBatchReadings);
        const dictionary = [...new Set(part.map(i => seriesIndex[i]!))];
        const place = new Map(dictionary.map((index, i) => [index, i]));
        const firstSeq = seqs.get(gateway) ?? 0;
        seqs.set(gateway, firstSeq + part.length);
        const last = first + part.length === readings.length;
        const bytes = encodeBatch({
          gateway,
          site: series[dictionary[0]!]!.site,
          boot: 1,
          firstSeq,
          series: dictionary.map(index => series[index]!),
          seriesIndex: part.map(i => place.get(seriesIndex[i]!)!),
          timeUs: part.map(i => timeUs[i]!),
          value: part.map(i => value[i]!),
          quality: part.map(() => 0),
          clock: Clock.SYNCED,
          completeThroughUs: last ? endUs : timeUs[part[0]!]!,
          dropped: [],
        });
        yield { gateway, bytes, endUs };
      }
    }
  }
}

function aboutOf(rules: readonly Rule[], { series }: Recording): ReadonlyMap<string, number> {
  const book = new RuleBook(rules, () => {});
  const about = new Map(rules.map(({ name }) => [name, 0]));
  const count = (name: string): void => void about.set(name, about.get(name)! + 1);
  for (const one of series) for (const { rule } of book.ofSeries(one.gateway, one.site, one)) count(rule.name);
  const gateways = new Map(series.map(({ gateway, site }) => [gateway, site]));
  for (const [gateway, site] of gateways) for (const { name } of book.ofGateway(gateway, site)) count(name);
  return about;
}
