/** Mean and spread of the readings of the last stretch of time, in parts that are forgotten one by one. */

/** A part: readings from `startUs` on, their mean and the sum of their squared deviations from it. */
type Part = readonly [startUs: number, count: number, mean: number, m2: number];

/** A baseline reaches back one stretch, and up to a 24th further. */
const parts = 24;

interface Moments {
  count: number;
  mean: number;
  m2: number;
}

export class Baseline {
  /** The closed parts changed since this was last set to false. */
  dirty = false;
  readonly #overUs: number;
  readonly #partUs: number;
  #closed: Part[] = [];
  /** Of the closed parts, merged in their order. */
  #past: Moments = { count: 0, mean: 0, m2: 0 };
  #openStartUs = 0;
  #open: Moments = { count: 0, mean: 0, m2: 0 };

  constructor(overUs: number) {
    this.#overUs = overUs;
    this.#partUs = overUs / parts;
  }

  /** Closes and forgets by the time that has come. */
  advance(timeUs: number): void {
    if (timeUs - this.#openStartUs < this.#partUs) return;
    const startUs = Math.floor(timeUs / this.#partUs) * this.#partUs;
    if (startUs > this.#openStartUs) {
      if (this.#open.count > 0) {
        const { count, mean, m2 } = this.#open;
        this.#closed.push([this.#openStartUs, count, mean, m2]);
        this.#open = { count: 0, mean: 0, m2: 0 };
        this.#merge();
      }
      this.#openStartUs = startUs;
    }
    const oldestUs = timeUs - this.#overUs - this.#partUs;
    const first = this.#closed.findIndex(([start]) => start > oldestUs);
    if (first === 0 || this.#closed.length === 0) return;
    this.#closed.splice(0, first < 0 ? this.#closed.length : first);
    this.#merge();
  }

  /** At the time of the last `advance`. Welford, Technometrics 4 (1962), 419–420. Readings so large that their squares overflow are left out. */
  add(value: number): void {
    const { count, mean, m2 } = this.#open;
    const delta = value - mean;
    const next = mean + delta / (count + 1);
    const sum = m2 + delta * (value - next);
    if (!Number.isFinite(sum)) return;
    this.#open.count = count + 1;
    this.#open.mean = next;
    this.#open.m2 = sum;
  }

  moments(): Readonly<Moments> {
    return merged(this.#past, this.#open);
  }

  open(): Part | undefined {
    const { count, mean, m2 } = this.#open;
    return count === 0 && this.#closed.length === 0 ? undefined : [this.#openStartUs, count, mean, m2];
  }

  closed(): readonly Part[] {
    return this.#closed;
  }

  restore([startUs, count, mean, m2]: Part, closed: readonly Part[]): void {
    this.#openStartUs = startUs;
    this.#open = { count, mean, m2 };
    this.#closed = [...closed];
    this.#merge();
    this.dirty = false;
  }

  #merge(): void {
    this.#past = this.#closed.reduce<Moments>((sum, [, count, mean, m2]) => merged(sum, { count, mean, m2 }), {
      count: 0,
      mean: 0,
      m2: 0,
    });
    this.dirty = true;
  }
}

/** Chan, Golub, LeVeque, The American Statistician 37 (1983), 242–247. */
function merged(a: Moments, b: Moments): Moments {
  if (b.count === 0) return a;
  if (a.count === 0) return b;
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  return {
    count,
    mean: a.mean + (delta * b.count) / count,
    m2: a.m2 + b.m2 + (delta * delta * a.count * b.count) / count,
  };
}
