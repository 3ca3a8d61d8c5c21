import type { ClientRequest, IncomingMessage } from 'node:http';
import { away, openRequest } from './door.ts';

export interface Command {
  readonly id: string;
  readonly name: string;
  /** Any JSON. */
  readonly arguments: unknown;
  /** µs since the Unix epoch. */
  readonly expiresUs?: number;
}

export interface CommandListener {
  onCommand(command: Command): void;
  /** The connection's state, as often as it changes; `why` when it is down. */
  onState(state: { readonly connected: boolean; readonly why?: string }): void;
}

export interface CommandStreamOptions {
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** The agent sends an empty line every 15 s; after three of them missed, nobody is there. */
  readonly silenceMs?: number;
}

const maxLineChars = 1024 * 1024;

/**
 * The commands for this gateway, one connection for all nodes that listen.
 *
 *     closed ──first listener──► connecting ──200──► open ──cut, or silence──► paused ──► connecting
 *       ▲────────────────────────── last listener gone ─────────────────────────────────────┘
 */
export class CommandStream {
  readonly #socket: string;
  readonly #options: Required<CommandStreamOptions>;
  readonly #listeners = new Set<CommandListener>();
  #request: ClientRequest | undefined;
  #pause: NodeJS.Timeout | undefined;
  #tries = 0;
  #state: { connected: boolean; why?: string } = { connected: false };

  constructor(socket: string, { minDelayMs = 200, maxDelayMs = 5000, silenceMs = 45_000 }: CommandStreamOptions = {}) {
    this.#socket = socket;
    this.#options = { minDelayMs, maxDelayMs, silenceMs };
  }

  /** Listens until the returned function is called. */
  listen(listener: CommandListener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#connect();
    else listener.onState(this.#state);
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
      clearTimeout(this.#pause);
      this.#request?.destroy();
      this.#request = undefined;
    };
  }

  #connect(): void {
    const { silenceMs } = this.#options;
    const request = openRequest(this.#socket, 'GET', '/commands');
    this.#request = request;
    request.setTimeout(silenceMs, () => request.destroy(new Error(`silent for ${silenceMs / 1000} s`)));
    request.on('response', response => {
      if (response.statusCode === 200) this.#read(request, response);
      else request.destroy(new Error(`the agent gives no commands (${response.statusCode})`));
    });
    request.on('error', error => this.#down(request, error));
    request.on('close', () => this.#down(request, new Error('the agent has closed the connection')));
    request.end();
  }

  #read(request: ClientRequest, response: IncomingMessage): void {
    this.#tries = 0;
    this.#say({ connected: true });
    let rest = '';
    response.setEncoding('utf8');
    response.on('error', error => this.#down(request, error));
    response.on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#line(request, line);
      if (rest.length > maxLineChars) request.destroy(new Error(`a command longer than ${maxLineChars} characters`));
    });
  }

  #line(request: ClientRequest, line: string): void {
    if (line.trim() === '' || this.#request !== request) return;
    const command = commandIn(line);
    if (command === undefined) {
      request.destroy(new Error('a line that is no command'));
      return;
    }
    for (const listener of this.#listeners) listener.onCommand(command);
  }

  #down(request: ClientRequest, error: Error): void {
    if (this.#request !== request) return;
    this.#request = undefined;
    this.#say({ connected: false, why: away(this.#socket, error).message });
    const { minDelayMs, maxDelayMs } = this.#options;
    const delayMs = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(this.#tries++, 20)) * (0.75 + Math.random() / 2);
    this.#pause = setTimeout(() => this.#connect(), delayMs);
  }

  #say(state: { connected: boolean; why?: string }): void {
    const same = state.connected === this.#state.connected && state.why === this.#state.why;
    this.#state = state;
    if (!same) for (const listener of this.#listeners) listener.onState(state);
  }
}

function commandIn(line: string): Command | undefined {
  try {
    const found = JSON.parse(line) as Partial<Command> | null;
    const isCommand = typeof found?.id === 'string' && found.id !== '' && typeof found.name === 'string';
    return isCommand ? (found as Command) : undefined;
  } catch {
    return undefined;
  }
}
