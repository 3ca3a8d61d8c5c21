/** Which series and gateways a rule is about. */
import type { Where } from './rule-schema.ts';

/** Of a gateway alone: its own fields, the others undefined. */
export type Named = { readonly [Field in keyof Where]: string | undefined };

/** Whether each field that is asked for matches one of its patterns. */
export function covers(where: Where, named: Named): boolean {
  return (Object.keys(where) as (keyof Where)[]).every(field =>
    where[field]!.some(pattern => matches(pattern, named[field] ?? '')),
  );
}

/**
 * `*` stands for any characters, none included. Goes back to the last `*` alone, so that its time is at most the product
 * of the lengths; a regular expression's may grow beyond all bounds with the number of stars.
 */
export function matches(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
