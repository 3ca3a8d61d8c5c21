/** Answers kept for a moment, so that a hundred viewers cost the database one query. */
export class SharedResults<T> {
  readonly #freshMs: number;
  readonly #maxKeys: number;
  readonly #entries = new Map<string, { readonly at: number; readonly result: Promise<T> }>();

  constructor(freshMs: number, maxKeys: number) {
    this.#freshMs = freshMs;
    this.#maxKeys = maxKeys;
  }

  /** The result for `key`, at most `freshMs` old; those who ask while it loads share it. A failure is not kept. */
  get(key: string, load: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(key);
    if (known !== undefined && Date.now() - known.at < this.#freshMs) return known.result;
    this.#entries.delete(key); // So that the Map's order stays that of loading, and the first key is the oldest.
    const result = load();
    const entry = { at: Date.now(), result };
    this.#entries.set(key, entry);
    result.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > this.#maxKeys && oldest !== undefined) this.#entries.delete(oldest);
    return result;
  }
}
