/** One client's connection as Aedes sees it: between the socket and Aedes stand the caps in flight, pings and keep-alive. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { GatewayId } from '@millrace/wire/names.ts';
import { AckQueue, type Release } from './acknowledge.ts';
import { packetType, readHeader } from './frame.ts';
import type { Cap, InFlight, Waiter } from './in-flight.ts';

/** Why a connection ended, as far as the bridge ended it. */
export type EndReason = 'deadline' | 'keep-alive' | 'drain' | 'closed';

export interface ConnectionOptions {
  readonly socket: Socket;
  /** Of the client's certificate; undefined: it showed none. */
  readonly gateway?: GatewayId | undefined;
  readonly inFlight: InFlight;
  readonly cap: Cap;
  /** Bytes read beyond what the caps let in, to find pings among them. One read of the socket may go beyond, 64 KiB. */
  readonly readAheadBytes: number;
}

interface Publish {
  /** Of the whole packet. */
  readonly bytes: number;
  /** Of its last byte so far: a slow upload is no waiting. */
  arrivedAtMs: number;
}

/** Bytes of one packet, or of a part of it. */
interface Piece {
  readonly bytes: Buffer;
  /** When a PUBLISH begins here. */
  readonly publish: Publish | undefined;
  /** The rest of a packet that began in an earlier piece. */
  readonly continues: boolean;
}

const pingresp = Buffer.from([0xd0, 0]);
/** For a client that does not close its side. */
const lingerMs = 1000;
/** [MQTT-3.1.2-24] */
const keepAliveFactor = 1.5;
/** Of the keep-alive: how long a publish may wait, so that the client hears of it before it would give up itself. */
const deadlineFactor = 1.2;

/**
 * Aedes stops reading while it holds a PUBACK back, so a ping behind held publishes would go unread and the client be
 * cut at 1.5 × keep-alive. This reads on: it takes the stream apart into packets by their fixed headers, answers pings
 * itself, hands over what the caps allow, and keeps the rest, up to `readAheadBytes`, before it stops reading.
 *
 * connecting (only the CONNECT passes) → open (CONNACK is sent) → draining (nothing more is let in) → destroyed.
 */
export class Connection extends Duplex implements Waiter {
  readonly gateway: GatewayId | undefined;
  readonly acknowledgements = new AckQueue();
  readonly #socket: Socket;
  readonly #inFlight: InFlight;
  readonly #cap: Cap;
  readonly #readAheadBytes: number;
  readonly #waiting: Piece[] = [];
  #waitingBytes = 0;
  #waitingPublishes = 0;
  /** Handed to Aedes, not yet seen by `authorizePublish`. */
  readonly #handed: Publish[] = [];
  /** The one whose end was not read yet. */
  #incoming: Publish | undefined;
  readonly #own = { messages: 0, bytes: 0 };
  /** The beginning of a header whose end was not read yet. */
  #header: Buffer | undefined;
  #bodyBytesLeft = 0;
  #state: 'new' | 'connecting' | 'open' | 'draining' = 'new';
  #readable = true;
  #writable = true;
  #inputEnded = false;
  #pausedAtMs: number | undefined;
  #heardAtMs = performance.now();
  #answeredAtMs = 0;
  #overdueSweeps = 0;
  #keepAliveMs = 0;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #left: number | undefined;
  endReason: EndReason = 'closed';

  constructor({ socket, gateway, inFlight, cap, readAheadBytes }: ConnectionOptions) {
    // What is let in must fit: Aedes takes all that is there and reads again when every packet of it has its answer.
    super({ readableHighWaterMark: cap.bytes });
    this.#socket = socket;
    this.gateway = gateway;
    this.#inFlight = inFlight;
    this.#cap = cap;
    this.#readAheadBytes = readAheadBytes;
    socket.on('data', chunk => this.#receive(chunk));
    socket.on('end', () => {
      this.#inputEnded = true;
      this.#endOfInput();
    });
    socket.on('error', error => this.destroy(error));
    // After an orderly end a DISCONNECT may still wait among what was read.
    socket.on('close', () => this.#inputEnded || this.destroy());
    socket.on('drain', () => {
      this.#writable = true;
      this.#flow();
    });
  }

  /** PUBLISH packets without PUBACK: waiting, or handed over; of an ended connection, those it left so. */
  get unacknowledged(): number {
    if (this.#left !== undefined) return this.#left;
    return this.#waitingPublishes + this.#handed.length + this.acknowledgements.length;
  }

  get held(): boolean {
    return this.#waiting.length > 0;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The CONNACK is out. @param keepAliveMs 0 is none; @param storeDeadlineMs holds when the keep-alive allows no less. */
  open(keepAliveMs: number, storeDeadlineMs: number): void {
    this.#keepAliveMs = keepAliveMs;
    this.#deadlineMs = keepAliveMs > 0 ? Math.min(storeDeadlineMs, deadlineFactor * keepAliveMs) : storeDeadlineMs;
    if (this.#state === 'connecting') this.#state = 'open';
    this.#waitForTurn();
  }

  /** Lets nothing more in; pings are still answered. */
  drain(): void {
    this.#state = 'draining';
  }

  /** A place in the line for the PUBLISH that Aedes now asks about; what it took of the caps is given back with its release. */
  accept(release: Release): Release {
    const { bytes, arrivedAtMs } = this.#handed.shift()!;
    return this.acknowledgements.enter(error => {
      this.#answeredAtMs = performance.now();
      this.#giveBack(bytes);
      release(error);
    }, arrivedAtMs);
  }

  /** Called now and then: ends the connection when its client has waited too long, or has been silent. */
  sweep(nowMs: number): void {
    const overdue = this.#overdue(nowMs);
    if (overdue === undefined) this.#overdueSweeps = 0;
    // Twice, with reads between: when it was this process that slept, what came meanwhile is still in the sockets.
    else if (++this.#overdueSweeps > 1) {
      this.endReason = overdue;
      this.destroy(new Error(`${overdue} after ${Math.round(this.#deadlineMs)} ms`));
    }
  }

  #overdue(nowMs: number): 'deadline' | 'keep-alive' | undefined {
    const oldestAtMs =
      this.acknowledgements.oldestAtMs ??
      this.#handed[0]?.arrivedAtMs ??
      this.#waiting.find(({ publish }) => publish !== undefined)?.publish?.arrivedAtMs;
    // Each PUBACK is a sign of life, so a client with more to say than Kafka takes at once is not cut for that.
    if (oldestAtMs !== undefined && nowMs - Math.max(oldestAtMs, this.#answeredAtMs) >= this.#deadlineMs)
      return 'deadline';
    // Its pings may be among what is not read.
    if (this.#pausedAtMs !== undefined && nowMs - this.#pausedAtMs >= this.#deadlineMs) return 'deadline';
    // What waits may hold the end of its input, and not read is not silent.
    if (this.#keepAliveMs === 0 || this.held) return undefined;
    return nowMs - this.#heardAtMs > keepAliveFactor * this.#keepAliveMs ? 'keep-alive' : undefined;
  }

  #receive(chunk: Buffer): void {
    const nowMs = performance.now();
    this.#heardAtMs = nowMs;
    const bytes = this.#header === undefined ? chunk : Buffer.concat([this.#header, chunk]);
    this.#header = undefined;
    if (this.#incoming) this.#incoming.arrivedAtMs = nowMs;
    let at = 0;
    // What is handed over goes in one piece; `from` is where it begins.
    let from = 0;
    while (at < bytes.length) {
      let publish: Publish | undefined;
      let passes = this.#waiting.length === 0 && this.#readable;
      const continues = this.#bodyBytesLeft > 0;
      if (!continues) {
        const header = readHeader(bytes, at);
        if (header === undefined) break;
        if (header === 'malformed') return void this.destroy(new Error('malformed packet'));
        const { type, sizeBytes } = header;
        if (type === packetType.pingreq && sizeBytes === 2 && (this.#state === 'open' || this.#state === 'draining')) {
          this.#hand(bytes.subarray(from, at));
          this.write(pingresp);
          from = at += 2;
          continue;
        }
        this.#bodyBytesLeft = sizeBytes;
        if (type === packetType.publish) publish = { bytes: sizeBytes, arrivedAtMs: nowMs };
        passes &&= !this.#mustWait(publish, this.#inFlight.crowded);
        if (passes) this.#letIn(publish);
        this.#incoming = publish;
      }
      const end = Math.min(at + this.#bodyBytesLeft, bytes.length);
      this.#bodyBytesLeft -= end - at;
      if (this.#bodyBytesLeft === 0) this.#incoming = undefined;
      if (!passes) {
        this.#hand(bytes.subarray(from, at));
        this.#keep({ bytes: bytes.subarray(at, end), publish, continues });
        from = end;
      }
      at = end;
    }
    this.#hand(bytes.subarray(from, at));
    if (at < bytes.length) this.#header = bytes.subarray(at);
    this.#waitForTurn();
    this.#flow();
  }

  #mustWait(publish: Publish | undefined, noRoom: boolean): boolean {
    if (this.#state === 'new') return false;
    if (this.#state !== 'open') return true;
    return publish !== undefined && (this.#ownFull || noRoom);
  }

  get #ownFull(): boolean {
    return this.#own.messages >= this.#cap.messages || this.#own.bytes >= this.#cap.bytes;
  }

  #letIn(publish: Publish | undefined): void {
    if (this.#state === 'new') this.#state = 'connecting';
    if (publish === undefined) return;
    this.#own.messages++;
    this.#own.bytes += publish.bytes;
    this.#inFlight.take(publish.bytes);
    this.#handed.push(publish);
  }

  #giveBack(bytes: number): void {
    this.#own.messages--;
    this.#own.bytes -= bytes;
    this.#inFlight.give(bytes);
    this.#waitForTurn();
  }

  #hand(bytes: Buffer): void {
    if (bytes.length > 0) this.#readable = this.push(bytes);
  }

  #keep(piece: Piece): void {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.bytes.length;
    if (piece.publish) this.#waitingPublishes++;
  }

  #handFirst(): void {
    const { bytes, publish, continues } = this.#waiting.shift()!;
    this.#waitingBytes -= bytes.length;
    if (publish) this.#waitingPublishes--;
    if (!continues) this.#letIn(publish);
    this.#hand(bytes);
  }

  /** Its room was taken when the packet was let in: the rest that waited for room would wait for itself. */
  #handContinuations(): void {
    while (this.#readable && this.#waiting[0]?.continues) this.#handFirst();
  }

  admit(frames: number): void {
    for (let n = 0; n < frames && this.#readable; n++) {
      const [piece] = this.#waiting;
      if (piece === undefined || this.#mustWait(piece.publish, this.#inFlight.full)) break;
      this.#handFirst();
      this.#handContinuations();
    }
    this.#waitForTurn();
    this.#endOfInput();
    this.#flow();
  }

  /** Unless nothing waits, or it waits for something else than its turn: that something calls this again. */
  #waitForTurn(): void {
    const [first] = this.#waiting;
    if (first === undefined || this.destroyed || !this.#readable || this.#mustWait(first.publish, false)) return;
    this.#inFlight.wait(this);
  }

  #endOfInput(): void {
    if (this.#inputEnded && this.#waiting.length === 0 && !this.readableEnded && !this.destroyed) this.push(null);
  }

  #flow(): void {
    const stop = this.#waitingBytes >= this.#readAheadBytes || !this.#writable;
    if (stop === (this.#pausedAtMs !== undefined) || this.destroyed) return;
    if (stop) {
      this.#pausedAtMs = performance.now();
      this.#socket.pause();
    } else {
      this.#pausedAtMs = undefined;
      this.#heardAtMs = performance.now();
      this.#socket.resume();
    }
  }

  override _read(): void {
    this.#readable = true;
    if (this.#waiting[0]?.continues)
      // Not in here: whoever reads takes what is pushed meanwhile with it, and the stream then asks no more.
      setImmediate(() => {
        this.#handContinuations();
        this.admit(0);
      });
    else this.#waitForTurn();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    // Whoever is gone reads nothing, yet what it sent before is still handled.
    if (!this.#socket.writable) return done();
    if (this.#socket.write(chunk)) return done();
    this.#writable = false;
    this.#socket.once('drain', () => done());
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', done);
  }

  override _final(done: () => void): void {
    this.#socket.end(() => done());
  }

  /** Ends our side and reads on until the client has ended its own: a reset could overtake the last PUBACK or the CONNACK. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#left = this.unacknowledged;
    this.#inFlight.forget(this);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#waitingPublishes = 0;
    for (const { bytes } of this.#handed.splice(0)) this.#inFlight.give(bytes);
    const socket = this.#socket;
    if (!socket.destroyed) {
      socket.removeAllListeners('data');
      socket.resume();
      socket.end();
      const timer = setTimeout(() => socket.destroy(), lingerMs);
      socket.once('close', () => clearTimeout(timer));
    }
    done(error);
  }
}
