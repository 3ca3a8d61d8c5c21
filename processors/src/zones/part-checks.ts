/** Parts from the repartition topic are checked before they meet the state: one that nobody can have written changes nothing. */
import { RejectedError } from '@millrace/wire/rejected.ts';
import { decodeZoneParts, type ZoneMetric, type ZonePart, type ZonePartBatch } from '@millrace/wire/zones.ts';
import { Sketch } from '../sketch.ts';

const maxRecordBytes = 1_048_576;
const maxNameBytes = 255;
const maxParts = 1_000;
const maxSource = 100_000;
/** 2,048 bins of at most twelve bytes, and some. */
const maxSketchBytes = 32_768;
const maxTimeUs = Date.UTC(2200, 0, 1) * 1000;

/** @param windowUs size of the windows. @throws {RejectedError} naming what cannot be. */
export function checkedParts(bytes: Uint8Array, windowUs: number): ZonePartBatch {
  if (bytes.length > maxRecordBytes)
    throw new RejectedError('payload', `has ${bytes.length} bytes, at most ${maxRecordBytes} are taken`);
  const batch = decodeZoneParts(bytes);
  const { source, settledThroughUs, parts } = batch;
  for (const name of ['site', 'zone', 'metric', 'unit'] as const) checkName(name, batch[name]);
  if (source > maxSource) throw new RejectedError('source', `${source} is no partition`);
  checkTime('settled_through_us', settledThroughUs);
  if (parts.length > maxParts) throw new RejectedError('parts', `${parts.length} parts, at most ${maxParts} are taken`);
  parts.forEach((part, i) => checkPart(`parts[${i}]`, part, windowUs));
  return batch;
}

function checkName(field: keyof ZoneMetric, text: string): void {
  // A site need not be named, a dimensionless unit is "1".
  if (text === '' && field !== 'site') throw new RejectedError(field, 'is empty');
  if (Buffer.byteLength(text) > maxNameBytes) throw new RejectedError(field, `longer than ${maxNameBytes} bytes`);
}

function checkPart(at: string, part: ZonePart, windowUs: number): void {
  const { startUs, sensors, sensorsExpected, count, expected, mean, meanOfMeans, min, max, revision } = part;
  checkTime(`${at}.start_us`, startUs);
  if (startUs % windowUs !== 0) throw new RejectedError(`${at}.start_us`, `${startUs} is not the start of a window`);
  for (const [field, value] of Object.entries({ count, expected }))
    if (!Number.isSafeInteger(value) || value < 0) throw new RejectedError(`${at}.${field}`, `${value} is no count`);
  if (sensors > sensorsExpected || sensors > count || (sensors === 0 && count > 0))
    throw new RejectedError(
      `${at}.sensors`,
      `${sensors} of ${sensorsExpected} sensors cannot have sent ${count} readings`,
    );
  for (const [field, value] of Object.entries({ mean, mean_of_means: meanOfMeans, min, max }))
    if (!Number.isFinite(value)) throw new RejectedError(`${at}.${field}`, `${value} is not a finite number`);
  if (min > max) throw new RejectedError(`${at}.min`, `${min} is above the maximum ${max}`);
  if (revision === 0) throw new RejectedError(`${at}.revision`, 'is 0');
  checkSketch(`${at}.sketch`, part);
}

function checkSketch(field: string, { sketch, count }: ZonePart): void {
  if (sketch.length === 0) return;
  if (sketch.length > maxSketchBytes)
    throw new RejectedError(field, `has ${sketch.length} bytes, at most ${maxSketchBytes} are taken`);
  let counted: number;
  try {
    counted = Sketch.decode(sketch).count;
  } catch (error) {
    // A sketch in our own state would be our own bug; this one came with a record.
    throw new RejectedError(field, error instanceof Error ? error.message : String(error));
  }
  if (counted !== count) throw new RejectedError(field, `is of ${counted} readings, the part of ${count}`);
}

function checkTime(field: string, timeUs: number): void {
  if (!(timeUs >= 0 && timeUs <= maxTimeUs))
    throw new RejectedError(field, `${timeUs} is not a time between 1970 and 2200`);
}
