/** A request's body, bounded before it is buffered: each by its own limit, and all of them together. */
import type { IncomingMessage } from 'node:http';

export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Bodies {
  readonly #maxBytes: number;
  readonly #maxTogether: number;
  #buffered = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxTogether = 8 * maxBytes;
  }

  /** @throws {Refused} 413 or 429; whatever the stream throws when the client goes away. */
  async read(request: IncomingMessage): Promise<Buffer> {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > this.#maxBytes) throw this.#tooLarge();
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      // Not destroyed when the loop is left: its socket would go before the answer that says why.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        this.#buffered += chunk.length;
        // A chunked body declares nothing (RFC 9112 § 7.1).
        if (size > this.#maxBytes) throw this.#tooLarge();
        if (this.#buffered > this.#maxTogether) throw new Refused(429, 'too many bodies at once; send again later');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      this.#buffered -= size;
    }
  }

  #tooLarge(): Refused {
    return new Refused(413, `a body has at most ${this.#maxBytes} bytes; send the readings in several requests`);
  }
}
