/** Many small files of one folder and one Kafka partition into fewer. */
import { InvariantError } from '@millrace/runtime/errors.ts';
import { mergeReadings } from './merge.ts';
import { type FileName, fileName, parseFileName, superseded } from './names.ts';
import type { ObjectStore } from './objects.ts';
import type { Compact } from './plan-log.ts';

/** Of a file that compaction makes, at most: what it takes in memory is a hundred bytes a row. */
const maxRows = 1_000_000;

/** Files of one source in a folder, without those whose rows are in another one; these are removed. */
async function filesOf(store: ObjectStore, folder: string, source: string): Promise<readonly FileName[]> {
  const files = (await store.list(folder))
    .map(parseFileName)
    .filter(file => file?.folder === folder && file.source === source) as FileName[];
  const leftovers = superseded(files);
  if (leftovers.length > 0) await store.remove(leftovers.map(fileName));
  return files.filter(file => !leftovers.includes(file)).sort((a, b) => a.plans[0] - b.plans[0]);
}

export interface Compaction {
  readonly work: Compact;
  readonly bytes: Uint8Array;
}

/**
 * The next thing to do in a folder; nothing is changed but files whose rows are in others. A group is of neighbours: its
 * plans must not span those of a file that is not in it.
 */
export async function nextCompaction(
  store: ObjectStore,
  folder: string,
  source: string,
): Promise<Compaction | undefined> {
  const [group] = groupsOf(await filesOf(store, folder, source));
  if (group === undefined) return undefined;
  const contents = await Promise.all(group.map(file => store.read(fileName(file))));
  if (contents.includes(undefined)) return undefined; // Somebody else is at it.
  const merged = await mergeReadings(contents as Uint8Array[]);
  if (merged === undefined) return undefined;
  const work: Compact = { kind: 'compact', sources: group.map(fileName), target: fileName(joined(group, merged.rows)) };
  return { work, bytes: merged.bytes };
}

/** Neighbours, as many as go into one file; a file that is half full already stays as it is. */
export function groupsOf(files: readonly FileName[], most = maxRows): readonly (readonly FileName[])[] {
  const groups: FileName[][] = [[]];
  let rows = 0;
  for (const file of files) {
    const isLarge = file.rows >= most / 2;
    if (isLarge || rows + file.rows > most) {
      groups.push([]);
      rows = 0;
    }
    if (isLarge) continue;
    groups.at(-1)!.push(file);
    rows += file.rows;
  }
  return groups.filter(({ length }) => length > 1);
}

function joined(group: readonly FileName[], rows: number): FileName {
  const [first, last] = [group[0]!, group.at(-1)!];
  return {
    ...first,
    offsets: [
      group.map(({ offsets }) => offsets[0]).reduce((a, b) => (a < b ? a : b)),
      group.map(({ offsets }) => offsets[1]).reduce((a, b) => (a > b ? a : b)),
    ],
    plans: [first.plans[0], last.plans[1]],
    rows,
  };
}

/** A plan as it is written down: the file is made, then what it stands for goes. May be done any number of times. */
export async function carryOut(store: ObjectStore, { sources, target }: Compact, bytes?: Uint8Array): Promise<void> {
  if (!(await isThere(store, target))) {
    const whole = bytes ?? (await merged(store, sources));
    // Without it somebody else has made the file meanwhile, and has removed these.
    if (whole === undefined && !(await isThere(store, target)))
      throw new InvariantError(`${target} is missing, and so are files that it was to be made of`);
    if (whole !== undefined) await store.create(target, whole);
  }
  await store.remove(sources);
}

async function merged(store: ObjectStore, sources: readonly string[]): Promise<Uint8Array | undefined> {
  const contents = await Promise.all(sources.map(name => store.read(name)));
  if (contents.includes(undefined)) return undefined;
  const all = await mergeReadings(contents as Uint8Array[]);
  if (all === undefined) throw new InvariantError('a file of the lake has columns that this release does not know');
  return all.bytes;
}

async function isThere(store: ObjectStore, name: string): Promise<boolean> {
  const folder = name.slice(0, name.lastIndexOf('/'));
  return (await store.list(folder)).includes(name);
}
