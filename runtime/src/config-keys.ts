/** Keys of configuration: which there are at a place of a schema, and which one a misspelt one was meant to be. */
import { z } from 'zod';

export type Path = readonly (string | number)[];
export type Tree = Record<string, unknown>;

export function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : undefined;
}

export function unwrapped(schema: z.ZodType): z.ZodType {
  const wrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wrapped ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}

/** The keys that the schema knows at a place; of a union those of the member that the value's tag chooses. */
export function keysAt(schema: z.ZodType, path: Path, value: unknown): string[] {
  let at = schema;
  for (const key of path)
    at =
      shapeOf(at)?.[key] ??
      (unwrapped(at) instanceof z.ZodArray ? ((unwrapped(at) as z.ZodArray).element as z.ZodType) : at);
  const union = unwrapped(at);
  const shapes =
    union instanceof z.ZodUnion ? union.options.map(option => shapeOf(option as z.ZodType) ?? {}) : [shapeOf(at) ?? {}];
  const tagged = shapes.filter(
    shape => shape['type'] === undefined || shape['type'].safeParse(getIn(value, ['type'])).success,
  );
  return [...new Set((tagged.length > 0 ? tagged : shapes).flatMap(Object.keys))];
}

export function suggestion(wrong: string, allowed: readonly string[]): string {
  const near = allowed.find(name => distance(wrong.toLowerCase(), name.toLowerCase()) <= 2);
  return near === undefined ? `; allowed: ${allowed.join(', ')}` : `; did you mean ${near}?`;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function getIn(tree: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Tree)[key] : undefined),
    tree,
  );
}
