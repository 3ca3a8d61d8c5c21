/** `Command` and `CommandReply`, as the other side of the broker has them. */
import { millrace } from '../../../wire/gen/millrace.js';

const { Command, CommandReply } = millrace.v1;

export interface SentCommand {
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
}

export function encodeCommand(gateway: string, { id, name, arguments: given }: SentCommand): Buffer {
  const expiresUs = (Date.now() + 60_000) * 1000;
  return Buffer.from(Command.encode({ id, gateway, name, arguments: JSON.stringify(given), expiresUs }).finish());
}

export function decodeCommand(bytes: Uint8Array): SentCommand & { expiresUs: number } {
  const { id, name, arguments: text, expiresUs } = Command.decode(bytes);
  return { id: id!, name: name!, arguments: JSON.parse(text!), expiresUs: expiresUs! };
}

export interface ReceivedReply {
  readonly id: string;
  readonly ok: boolean;
  readonly body: unknown;
}

export function encodeReply({ id, ok, body }: ReceivedReply, gateway: string): Buffer {
  return Buffer.from(
    CommandReply.encode({ id, gateway, ok, body: JSON.stringify(body), atUs: Date.now() * 1000 }).finish(),
  );
}

export function decodeReply(bytes: Uint8Array): ReceivedReply {
  const { id, ok, body } = CommandReply.decode(bytes);
  return { id: id!, ok: ok!, body: JSON.parse(body!) };
}
