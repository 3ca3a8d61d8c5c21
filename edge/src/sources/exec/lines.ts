/** Cuts a stream of bytes into lines and holds at most `maxBytes` of one, whatever the program writes. */

export interface Line {
  readonly text: string;
  /** The line is longer than `maxBytes`: `text` is its beginning, and the rest is not kept. */
  readonly isCut: boolean;
}

const newline = 0x0a;

export class Lines {
  readonly #maxBytes: number;
  /** Pieces of the line that has begun, copied: a slice would keep the whole chunk it came in. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** The line that has begun was already given, cut. */
  #skipping = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Buffer): Generator<Line> {
    let from = 0;
    while (from < chunk.length) {
      const end = chunk.indexOf(newline, from);
      const piece = chunk.subarray(from, end === -1 ? chunk.length : end);
      from += piece.length + 1;
      if (!this.#skipping && this.#begunBytes + piece.length > this.#maxBytes) {
        const head = piece.subarray(0, this.#maxBytes - this.#begunBytes);
        this.#skipping = true;
        yield { text: this.#taken(head), isCut: true };
      }
      if (end === -1) {
        if (this.#skipping) return;
        this.#begun.push(Buffer.from(piece));
        this.#begunBytes += piece.length;
        // A program that writes a byte at a time must not leave a buffer a byte.
        if (this.#begun.length > 64) this.#begun = [Buffer.concat(this.#begun)];
        return;
      }
      if (!this.#skipping) yield { text: this.#taken(piece), isCut: false };
      this.#skipping = false;
    }
  }

  /** A last line without its end. */
  *end(): Generator<Line> {
    if (this.#begunBytes > 0) yield { text: this.#taken(Buffer.alloc(0)), isCut: false };
  }

  #taken(last: Buffer): string {
    const text = this.#begun.length === 0 ? last.toString() : Buffer.concat([...this.#begun, last]).toString();
    this.#begun = [];
    this.#begunBytes = 0;
    return text;
  }
}
