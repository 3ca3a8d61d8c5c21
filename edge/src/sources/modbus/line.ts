/**
 * One Modbus line, over TCP or serial, and one request at a time on it.
 *
 *   closed ── ready ──▶ open ── connection gone, close ──▶ closed
 *     └── cannot be opened: ready fails until a pause is over that doubles each time
 */
import type { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import type modbusSerial from 'modbus-serial';
import type { Block, Placed } from './blocks.ts';
import type { RtuConfig, TcpConfig } from './config.ts';

type Client = InstanceType<typeof modbusSerial.default>;

/** The connection is gone, or could not be made: no device of the line can be asked. */
export class LineLost extends TransientError {
  override readonly name = 'LineLost';
}

export type Answer =
  | { readonly is: 'data'; readonly bytes: Buffer; readonly tookMs: number }
  /** The device's own refusal, V1.1b3 § 7. */
  | { readonly is: 'exception'; readonly code: number; readonly why: string }
  | { readonly is: 'silence'; readonly why: string }
  | { readonly is: 'garbled'; readonly why: string };

export interface LineOptions {
  readonly tcp?: TcpConfig | undefined;
  readonly rtu?: RtuConfig | undefined;
  readonly timeoutMs: number;
}

const connectTimeoutMs = 5000;
const minPauseMs = 500;
const maxPauseMs = 30_000;

export class Line implements AsyncDisposable {
  readonly #options: LineOptions;
  readonly name: string;
  #client: Client | undefined;
  #failures = 0;
  #failure = '';
  #nextTryMs = 0;

  constructor(options: LineOptions) {
    this.#options = options;
    this.name = options.rtu?.path ?? `${options.tcp!.host}:${options.tcp!.port}`;
  }

  /** Resolves once requests can be made. @throws {LineLost} */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#client?.isOpen === true) return;
    await this.close();
    if (performance.now() < this.#nextTryMs) throw new LineLost(this.#failure);
    try {
      this.#client = await this.#open(signal);
      this.#failures = 0;
    } catch (error) {
      signal.throwIfAborted();
      this.#failure = `${this.name} cannot be opened: ${messageOf(error)}`;
      this.#nextTryMs = performance.now() + backoffMs(this.#failures, minPauseMs, maxPauseMs);
      this.#failures += 1;
      throw new LineLost(this.#failure);
    }
  }

  /** @throws {LineLost}; what the signal says when it is aborted. */
  async read(unitId: number, { kind, address, count }: Block<Placed>, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    const client = this.#client;
    if (client?.isOpen !== true) throw new LineLost(`the connection to ${this.name} is lost`);
    const beganMs = performance.now();
    const settled = Promise.withResolvers<Answer>();
    const done = (error: unknown, result: { buffer: Buffer } | undefined): void => {
      if (error !== null && error !== undefined) return settled.resolve(failed(error, this.#options.timeoutMs));
      const bytes = result!.buffer;
      const expected = kind === 'coil' || kind === 'discrete' ? Math.ceil(count / 8) : 2 * count;
      // The frame's length was checked, but not what it says of itself.
      if (bytes.length === expected) settled.resolve({ is: 'data', bytes, tookMs: performance.now() - beganMs });
      else settled.resolve({ is: 'garbled', why: `the answer says ${bytes.length} bytes, not ${expected}` });
    };
    const stop = (): void => settled.reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (kind === 'coil') client.writeFC1(unitId, address, count, done);
      else if (kind === 'discrete') client.writeFC2(unitId, address, count, done);
      else if (kind === 'holding') client.writeFC3(unitId, address, count, done);
      else client.writeFC4(unitId, address, count, done);
      const answer = await settled.promise;
      if (answer.is === 'silence' && !client.isOpen) throw new LineLost(`the connection to ${this.name} is lost`);
      await this.#quiet(answer, signal);
      return answer;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await shut(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(signal: AbortSignal): Promise<Client> {
    // Loaded with the first line: it loads serialport's native part where that is installed.
    const { default: modbus } = await import('modbus-serial');
    const client = new modbus.default();
    client.on('error', () => {}); // The request that meets it tells of it.
    const { tcp, rtu, timeoutMs } = this.#options;
    const connecting =
      rtu === undefined
        ? client.connectTCP(tcp!.host, { port: tcp!.port })
        : client.connectRTUBuffered(rtu.path, { ...rtu });
    // `close` takes the client's own listener off the port, and what a port still says then would end the process.
    portOf(client).on('error', () => {});
    const over = new AbortController();
    try {
      const late = wait(connectTimeoutMs, undefined, { signal: AbortSignal.any([signal, over.signal]) });
      await Promise.race([
        connecting,
        late.then(() => {
          throw new Error(`no connection within ${connectTimeoutMs} ms`);
        }),
      ]);
    } catch (error) {
      await shut(client);
      throw error;
    } finally {
      over.abort();
    }
    // Set only now: it would limit the connecting too.
    client.setTimeout(timeoutMs);
    return client;
  }

  /**
   * A serial line is silent for 3.5 characters between two frames (Serial Line V1.02 § 2.5.1.1). After a request without
   * a good answer it is left alone for as long again: frames carry no number, so an answer that comes late would be
   * taken for that of the next request.
   */
  async #quiet({ is }: Answer, signal: AbortSignal): Promise<void> {
    const { rtu, timeoutMs } = this.#options;
    if (rtu === undefined) return;
    const frameGapMs = Math.max(2, Math.ceil((3.5 * 11 * 1000) / rtu.baudRate));
    await wait(is === 'silence' || is === 'garbled' ? timeoutMs : frameGapMs, undefined, { signal });
  }
}

function failed(error: unknown, timeoutMs: number): Answer {
  // modbus-serial's own errors are not all of class Error.
  const { errno, modbusCode, message } = error as { errno?: unknown; modbusCode?: number; message: string };
  if (modbusCode !== undefined) return { is: 'exception', code: modbusCode, why: message };
  if (errno === 'ETIMEDOUT') return { is: 'silence', why: `no answer within ${timeoutMs} ms` };
  if (errno === 'ECONNREFUSED') return { is: 'silence', why: message };
  return { is: 'garbled', why: message };
}

/** Its pending requests are dropped, its socket or device is closed. */
async function shut(client: Client): Promise<void> {
  await new Promise<void>(resolve => client.destroy(() => resolve()));
  // A serial port has no `destroy`: it is still open. A destroyed socket says so too, but needs no more.
  const port = portOf(client);
  if (port.destroy === undefined && client.isOpen) await new Promise<void>(resolve => client.close(() => resolve()));
}

/** The port itself, which the types keep to themselves. */
function portOf(client: Client): EventEmitter & { readonly destroy?: unknown } {
  return (client as unknown as { _port: EventEmitter & { readonly destroy?: unknown } })._port;
}
