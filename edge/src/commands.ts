/** Commands from the city: to whoever listens on this gateway, once each, and the reply back. */
import { messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { type CommandReply, decodeCommand, encodeReply, maxCommandBytes } from '@millrace/wire/command.ts';
import type { GatewayId } from '@millrace/wire/names.ts';

/** As listeners see it. */
export interface ReceivedCommand {
  readonly id: string;
  readonly name: string;
  /** Parsed. */
  readonly arguments: unknown;
  /** µs since the Unix epoch; 0: never expires. */
  readonly expiresUs: number;
}

export interface CommandsOptions {
  readonly gateway: GatewayId;
  readonly nowUs: () => number;
  /** Sends an encoded reply; kept by whoever sends it while there is no connection. */
  readonly send: (reply: Uint8Array) => void;
  readonly log: Logger;
}

/** At QoS 1 a command may come again: so many ids are remembered. */
const rememberedIds = 1000;

export class Commands {
  readonly #options: CommandsOptions;
  readonly #listeners = new Set<(command: ReceivedCommand) => void>();
  readonly #seen = new Set<string>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Each command goes to every listener. @returns how to stop listening. */
  listen(listener: (command: ReceivedCommand) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What came on the commands topic; whatever it is, nothing is thrown. */
  receive(payload: Uint8Array): void {
    const { gateway, log, nowUs } = this.#options;
    try {
      const command = decodeCommand(payload);
      const { id, name, expiresUs } = command;
      if (command.gateway !== gateway) return log.warn({ id }, `command ignored: it is for ${command.gateway}`);
      if (this.#seen.has(id)) return;
      this.#remember(id);
      if (expiresUs > 0 && nowUs() > expiresUs) return log.warn({ id, name }, 'command ignored: it has expired');
      if (this.#listeners.size === 0)
        return this.reply(id, false, 'nothing on this gateway takes commands: no flow or program listens');
      const parsed: unknown = command.arguments === '' ? null : JSON.parse(command.arguments);
      for (const listener of this.#listeners) listener({ id, name, arguments: parsed, expiresUs });
    } catch (error) {
      log.warn(`command ignored: ${messageOf(error)}`);
    }
  }

  /** @param body a JSON result, or a sentence when not ok. */
  reply(id: string, ok: boolean, body: unknown): void {
    const { gateway, nowUs, send } = this.#options;
    const text = typeof body === 'string' && !ok ? body : JSON.stringify(body ?? null);
    const reply: CommandReply = { id, gateway, ok, body: text, atUs: nowUs() };
    const bytes = encodeReply(reply);
    if (bytes.length <= maxCommandBytes) return send(bytes);
    send(
      encodeReply({
        ...reply,
        ok: false,
        body: `the reply has ${bytes.length} bytes, at most ${maxCommandBytes} are sent`,
      }),
    );
  }

  #remember(id: string): void {
    this.#seen.add(id);
    // The oldest goes: a Set keeps the order of insertion.
    if (this.#seen.size > rememberedIds) this.#seen.delete(this.#seen.values().next().value!);
  }
}
