import type { Taken } from '../sink.ts';
import type { QuestdbHttp } from './http.ts';
import { LineBuffer } from './line-protocol.ts';
import type { Chunk } from './writer.ts';

/** Starting size of a request's buffer; grows to what the rows of the site need, and is used again. */
const startBytes = 1024 * 1024;

/** A request of our own line protocol: rows are encoded as they come, and wait as bytes. */
export class LineChunk implements Chunk {
  readonly #lines: LineBuffer;
  readonly #http: QuestdbHttp;
  readonly #encode: (taken: Taken, lines: LineBuffer) => void;

  /** @param encode Adds one line for each row of the record. @throws {RejectedError} */
  constructor(http: QuestdbHttp, maxRows: number, encode: (taken: Taken, lines: LineBuffer) => void) {
    this.#http = http;
    this.#lines = new LineBuffer(startBytes, maxRows);
    this.#encode = encode;
  }

  get rows(): number {
    return this.#lines.rows;
  }

  get sizeBytes(): number {
    return this.#lines.sizeBytes;
  }

  add(taken: Taken): void {
    const before = this.#lines.rows;
    try {
      this.#encode(taken, this.#lines);
    } catch (error) {
      this.#lines.rollback(before);
      throw error;
    }
  }

  write(from: number, to: number) {
    return this.#http.write(this.#lines.lines(from, to));
  }

  reset(): void {
    this.#lines.reset();
  }
}
