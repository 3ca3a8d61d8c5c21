/**
 * A sum of doubles without rounding, so that it does not depend on the order: as an expansion of doubles that do not
 * overlap (Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric predicates", Discrete &
 * Computational Geometry 18 (1997), 305–363), rounded once, as Python's `math.fsum` does.
 */
export class ExactSum {
  /** By rising magnitude; mostly two or three. */
  #parts: number[];

  /** @param parts of another. */
  constructor(parts: readonly number[] = []) {
    this.#parts = [...parts];
  }

  get parts(): readonly number[] {
    return this.#parts;
  }

  /** @param value finite; so must be the sum, whatever the order. */
  add(value: number): void {
    const parts = this.#parts;
    let high = value;
    let kept = 0;
    for (const part of parts) {
      const [large, small] = Math.abs(high) < Math.abs(part) ? [part, high] : [high, part];
      high = large + small;
      const low = small - (high - large);
      if (low !== 0) parts[kept++] = low;
    }
    parts.length = kept;
    parts.push(high);
  }

  merge(other: ExactSum): void {
    for (const part of other.#parts) this.add(part);
  }

  /** The double nearest to the sum. */
  get value(): number {
    const parts = this.#parts;
    let at = parts.length - 1;
    let high = parts[at] ?? 0;
    let low = 0;
    while (at > 0 && low === 0) {
      const before = high;
      const part = parts[--at]!;
      high = before + part;
      low = part - (high - before);
    }
    // Halfway between two doubles it was rounded to even: what is below decides.
    if (at > 0 && Math.sign(low) === Math.sign(parts[at - 1]!)) {
      const twice = low * 2;
      const other = high + twice;
      if (other - high === twice) return other;
    }
    return high;
  }
}
