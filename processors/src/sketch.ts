/**
 * DDSketch: quantiles within 1 % of the exact value, and merges without loss (Masson, Rim, Lee: "DDSketch: a fast and
 * fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12 (2019), 2195–2205).
 *
 * A value's bin is ⌈log_γ |x|⌉ with γ = (1 + α) / (1 − α); γ^(i−1) < |x| ≤ γ^i are within α of 2 γ^i / (γ + 1).
 */
import { InvariantError } from '@millrace/runtime/errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';

/** α, the relative error. */
const relativeError = 0.01;
const logGamma = Math.log1p((2 * relativeError) / (1 - relativeError));
const binsPerLog = 1 / logGamma;
/** Smallest normal double. Below it, doubles are further apart than α, and count as zero. */
const smallest = 2 ** -1022;
/** Bins of normal doubles are from −35,418 to 35,489: with this, a positive value's key is positive. */
const keyOffset = 35_500;
const maxKey = 2 * keyOffset;
/**
 * A bin that was just hit is known by its bounds, without a logarithm. They are drawn in by far more than the logarithm's
 * rounding: a value must get the same bin whatever came before it, or a restored sketch would differ from its original.
 */
const margin = 1e-11;
/**
 * Values of more bins than this span 17 orders of magnitude, or 8 on either side of zero. Then the bins nearest to zero are joined, so that no gateway
 * fills the memory; only quantiles that fall into them lose their precision.
 */
const maxBins = 2048;

const writer = new ByteWriter();

export class Sketch {
  /** Key, count, key, count …; by rising key, which is by rising value. */
  #bins: number[] = [];
  #count = 0;
  /** Where the bin is that was hit last, and what lies in it for certain. */
  #hitAt = 0;
  #hitAbove = Number.POSITIVE_INFINITY;
  #hitBelow = Number.NEGATIVE_INFINITY;

  get count(): number {
    return this.#count;
  }

  /** @param value finite. @param count how often. */
  add(value: number, count = 1): void {
    this.#count += count;
    if (value > this.#hitAbove && value < this.#hitBelow) {
      this.#bins[this.#hitAt + 1]! += count;
      return;
    }
    const key = keyOf(value);
    const at = this.#find(key);
    if (this.#bins[at] === key) this.#bins[at + 1]! += count;
    else this.#bins.splice(at, 0, key, count);
    if (this.#bins.length > 2 * maxBins) {
      this.#limit();
      return;
    }
    this.#hitAt = at;
    this.#hitAbove = key === 0 ? -smallest : boundOf(key, key > 0 ? -1 : 0) * (key > 0 ? 1 + margin : 1 - margin);
    this.#hitBelow = key === 0 ? smallest : boundOf(key, key > 0 ? 0 : -1) * (key > 0 ? 1 - margin : 1 + margin);
  }

  /** Adds all that is in `other`. The order of merges does not matter, up to {@link maxBins}. */
  merge(other: Sketch): void {
    const [mine, theirs] = [this.#bins, other.#bins];
    this.#count += other.#count;
    let i = 0;
    let j = 0;
    // Sketches of one series have mostly the same bins: then nothing moves.
    for (; j < theirs.length; j += 2) {
      const key = theirs[j]!;
      while (i < mine.length && mine[i]! < key) i += 2;
      if (mine[i] !== key) break;
      mine[i + 1]! += theirs[j + 1]!;
    }
    if (j === theirs.length) return;
    this.#forgetHit();
    const rest = mine.splice(i);
    i = 0;
    while (i < rest.length || j < theirs.length) {
      const [a, b] = [rest[i] ?? Number.POSITIVE_INFINITY, theirs[j] ?? Number.POSITIVE_INFINITY];
      if (a === b) mine.push(a, rest[i + 1]! + theirs[j + 1]!);
      else if (a < b) mine.push(a, rest[i + 1]!);
      else mine.push(b, theirs[j + 1]!);
      if (a <= b) i += 2;
      if (b <= a) j += 2;
    }
    if (mine.length > 2 * maxBins) this.#limit();
  }

  clone(): Sketch {
    const copy = new Sketch();
    copy.#bins = this.#bins.slice();
    copy.#count = this.#count;
    return copy;
  }

  /** @param q from 0 to 1. @returns within 1 % of the value at rank ⌊q · (n − 1)⌋, the smallest being rank 0; NaN when empty. */
  quantile(q: number): number {
    const rank = Math.floor(q * (this.#count - 1));
    let seen = 0;
    for (let at = 0; at < this.#bins.length; at += 2) {
      seen += this.#bins[at + 1]!;
      if (seen > rank) return valueOf(this.#bins[at]!);
    }
    return Number.NaN;
  }

  encode(): Uint8Array {
    this.write(writer.reset());
    return writer.done();
  }

  /** As `encode`, into a larger record. */
  write(to: ByteWriter): void {
    const bins = this.#bins;
    to.whole(bins.length / 2);
    let before = 0;
    for (let at = 0; at < bins.length; at += 2) {
      if (at === 0) to.signed(bins[at]!);
      else to.whole(bins[at]! - before);
      before = bins[at]!;
      to.whole(bins[at + 1]!);
    }
  }

  /** @throws {InvariantError} when the bytes are not those of a sketch. */
  static decode(bytes: Uint8Array): Sketch {
    const reader = new ByteReader(bytes);
    const sketch = Sketch.read(reader);
    if (!reader.ended) throw new InvariantError('a sketch is followed by something else');
    return sketch;
  }

  /** As `decode`, out of a larger record. */
  static read(from: ByteReader): Sketch {
    const sketch = new Sketch();
    const bins = from.whole();
    if (bins > maxBins) throw new InvariantError(`a sketch of ${bins} bins, at most ${maxBins} are written`);
    let key = 0;
    for (let i = 0; i < bins; i++) {
      const step = i === 0 ? from.signed() : from.whole();
      key += step;
      const count = from.whole();
      if (Math.abs(key) > maxKey || count === 0 || (i > 0 && step === 0))
        throw new InvariantError(`a sketch has ${count} values in bin ${key}`);
      sketch.#bins.push(key, count);
      sketch.#count += count;
    }
    return sketch;
  }

  /** @returns where the bin is, or belongs. */
  #find(key: number): number {
    const bins = this.#bins;
    let low = 0;
    let high = bins.length >>> 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bins[2 * middle]! < key) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }

  /** Joins the bin nearest to zero with its neighbour away from zero, as often as it takes. */
  #limit(): void {
    this.#forgetHit();
    while (this.#bins.length > 2 * maxBins) {
      const first = this.#find(0);
      const below = first - 2;
      const toPositive =
        first + 2 < this.#bins.length && (below < 2 || this.#bins[first]! <= -this.#bins[below]!) ? first : -1;
      const from = toPositive >= 0 ? first : below;
      const into = toPositive >= 0 ? first + 2 : below - 2;
      this.#bins[into + 1]! += this.#bins[from + 1]!;
      this.#bins.splice(from, 2);
    }
  }

  #forgetHit(): void {
    this.#hitAbove = Number.POSITIVE_INFINITY;
    this.#hitBelow = Number.NEGATIVE_INFINITY;
  }
}

/** Rises with the value: 0 for zero. */
function keyOf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < smallest) return 0;
  const key = Math.ceil(Math.log(magnitude) * binsPerLog) + keyOffset;
  return value < 0 ? -key : key;
}

/** The bin's bound away from zero, or with −1 the one towards it; it has the sign of the key. */
function boundOf(key: number, further: 0 | -1): number {
  return Math.sign(key) * Math.exp((Math.abs(key) - keyOffset + further) * logGamma);
}

/** Of 2 / (γ + 1). */
const logMiddle = Math.log(1 - relativeError);

function valueOf(key: number): number {
  if (key === 0) return 0;
  // The largest doubles lie in a bin whose upper bound is beyond them.
  const magnitude = Math.exp((Math.abs(key) - keyOffset) * logGamma + logMiddle);
  return Math.sign(key) * Math.min(magnitude, Number.MAX_VALUE);
}
