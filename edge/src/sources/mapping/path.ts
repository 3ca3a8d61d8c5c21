/**
 * Paths into a JSON document: `a.b[0].c`, `["key with.dots"]`, and the wildcards `*` (each key of an object) and `[*]`
 * (each element of a list). No filters, no functions: a path from a configuration file must not be a program.
 */

export type Step = { readonly key: string } | { readonly index: number } | { readonly each: 'key' | 'element' };
export type JsonPath = readonly Step[];

const step = /(?:^|\.)(?:(\*)|([^.[\]*"\s]+))|\[(?:(\d{1,6})|(\*)|"((?:[^"\\]|\\.)*)")\]/y;
const maxSteps = 16;

/** The path, or a sentence that says what is wrong with the text. `$` is the whole document. */
export function parsePath(text: string): JsonPath | string {
  if (text === '$') return [];
  const steps: Step[] = [];
  step.lastIndex = 0;
  while (step.lastIndex < text.length) {
    const at = step.lastIndex;
    const [, star, key, index, each, quoted] = step.exec(text) ?? [];
    if (star !== undefined) steps.push({ each: 'key' });
    else if (key !== undefined) steps.push({ key });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (each !== undefined) steps.push({ each: 'element' });
    else if (quoted !== undefined) steps.push({ key: quoted.replace(/\\(.)/g, '$1') });
    else return `is no path from character ${at + 1} on (examples: data.temp, list[0].value, sensors.*.value, ["a.b"])`;
  }
  if (steps.length === 0) return 'is an empty path; $ is the whole document';
  return steps.length > maxSteps ? `has more than ${maxSteps} steps` : steps;
}

export function wildcards(path: JsonPath): number {
  return path.filter(step => 'each' in step).length;
}

/** Whether `path`'s wildcards stand where `main`'s do, so that what matched there can be put in here. */
export function follows(path: JsonPath, main: JsonPath): boolean {
  const last = path.findLastIndex(step => 'each' in step);
  return JSON.stringify(path.slice(0, last + 1)) === JSON.stringify(main.slice(0, last + 1));
}

export interface Match {
  readonly value: unknown;
  /** What each wildcard stood for. */
  readonly keys: readonly string[];
}

/** All places that the path names; those that are not there give none. At most `max`. */
export function matches(path: JsonPath, document: unknown, max: number): Match[] {
  let found: Match[] = [{ value: document, keys: [] }];
  for (const step of path) {
    const next: Match[] = [];
    for (const { value, keys } of found) {
      if (typeof value !== 'object' || value === null) continue;
      if ('each' in step) {
        if (Array.isArray(value) !== (step.each === 'element')) continue;
        for (const [key, inner] of Object.entries(value)) {
          if (next.length === max) break;
          next.push({ value: inner, keys: [...keys, key] });
        }
      } else {
        const inner = child(value, step);
        if (inner !== undefined) next.push({ value: inner, keys });
      }
    }
    found = next;
  }
  return found;
}

/** The one place where the path's wildcards stand for `keys`. */
export function valueAt(path: JsonPath, document: unknown, keys: readonly string[]): unknown {
  let value = document;
  let wildcard = 0;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    const key = 'each' in step ? keys[wildcard++]! : undefined;
    value = key === undefined ? child(value, step) : own(value, key);
  }
  return value;
}

/** The path as text, its wildcards replaced by what they stood for. */
export function placeOf(path: JsonPath, keys: readonly string[]): string {
  let wildcard = 0;
  const text = path
    .map(step => {
      if ('index' in step) return `[${step.index}]`;
      if ('key' in step) return `.${step.key}`;
      const key = keys[wildcard++] ?? '*';
      return step.each === 'element' ? `[${key}]` : `.${key}`;
    })
    .join('');
  return text.replace(/^\./, '') || '$';
}

function child(value: object, step: Step): unknown {
  if ('key' in step) return own(value, step.key);
  return 'index' in step && Array.isArray(value) ? (value[step.index] as unknown) : undefined;
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
