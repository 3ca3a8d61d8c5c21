/** A message of a flow as readings in the form of the agent's door. */

/** What the door takes. The agent checks names, units and numbers: there is one judge of them. */
export interface Reading {
  readonly sensor: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  readonly time?: string | number;
  readonly quality?: string | number;
  readonly intervalMs?: number;
}

/** What a node or a message gives to readings that do not say it themselves. */
export type Given = Partial<Record<Exclude<keyof Reading, 'value'>, unknown>>;

const fields = ['sensor', 'metric', 'unit', 'time', 'quality', 'intervalMs'] as const;

/** As in a batch on the wire. */
const maxReadings = 10_000;

/**
 * The readings of a message. What is nearest to the value counts: the reading's own field, then the message's, then the node's.
 * @throws with a sentence when the payload is no reading at all.
 */
export function readingsOf(message: Readonly<Record<string, unknown>>, node: Given): Reading[] {
  const { payload } = message;
  const list = Array.isArray(payload) ? (payload as unknown[]) : [payload];
  if (list.length === 0) throw new Error('msg.payload is an empty list: there is no reading in it');
  if (list.length > maxReadings) throw new Error(`msg.payload has ${list.length} readings; at most ${maxReadings}`);
  const given = pick([message, node]);
  return list.map((item, i) => {
    const at = Array.isArray(payload) ? `msg.payload[${i}]` : 'msg.payload';
    if (typeof item === 'number' || typeof item === 'boolean') return { ...given, value: Number(item) } as Reading;
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw new Error(
        `${at} must be a number, true or false, or a reading { sensor, metric, unit, value }; it is ${kind(item)}`,
      );
    const reading: Record<string, unknown> = { ...item };
    if (typeof reading['value'] === 'boolean') reading['value'] = Number(reading['value']);
    // What else the object holds goes along: the agent says what it does not know, and a typing error is not lost.
    return { ...given, ...defined(reading) } as unknown as Reading;
  });
}

function pick(sources: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const field of fields) {
    const value = sources.map(source => source[field]).find(isGiven);
    if (value !== undefined) picked[field] = value;
  }
  return picked;
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => isGiven(value)));
}

/** An empty field of the editor is no answer. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function kind(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list in a list';
  return typeof value === 'string' ? `the text ${JSON.stringify(value.slice(0, 40))}` : `a ${typeof value}`;
}
