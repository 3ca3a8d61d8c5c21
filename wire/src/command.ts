/** `Command` to a gateway, and its `CommandReply`. */
import { millrace } from '../gen/millrace.js';
import { decode } from './decode.ts';
import { type GatewayId, gatewayRule, isGatewayId } from './names.ts';
import { RejectedError } from './rejected.ts';

export const maxCommandBytes = 65_536;
const maxIdBytes = 128;

export interface Command {
  /** The sender's own, unique; the reply carries it. */
  readonly id: string;
  readonly gateway: GatewayId;
  readonly name: string;
  /** JSON, meaning depends on the name. */
  readonly arguments: string;
  /** µs since the Unix epoch; not carried out after it. 0: never expires. */
  readonly expiresUs: number;
}

export interface CommandReply {
  readonly id: string;
  readonly gateway: GatewayId;
  readonly ok: boolean;
  /** JSON result, or a sentence when not ok. */
  readonly body: string;
  readonly atUs: number;
}

export function encodeCommand(command: Command): Uint8Array {
  return millrace.v1.Command.encode(command).finish();
}

export function encodeReply(reply: CommandReply): Uint8Array {
  return millrace.v1.CommandReply.encode(reply).finish();
}

/** @throws {RejectedError} naming the first field that breaks a rule. */
export function decodeCommand(bytes: Uint8Array): Command {
  checkSize(bytes);
  const raw = decode('Command', bytes, reader => millrace.v1.Command.decode(reader));
  const { id, name, expiresUs } = raw;
  const gateway = checkNames(raw);
  if (name === '' || Buffer.byteLength(name) > maxIdBytes)
    throw new RejectedError('name', `must be 1 to ${maxIdBytes} bytes`);
  if (!Number.isSafeInteger(expiresUs) || expiresUs < 0)
    throw new RejectedError('expires_us', 'must be a whole number below 2^53');
  checkJson('arguments', raw.arguments);
  return { id, gateway, name, arguments: raw.arguments, expiresUs };
}

/** @throws {RejectedError} naming the first field that breaks a rule. */
export function decodeReply(bytes: Uint8Array): CommandReply {
  checkSize(bytes);
  const raw = decode('CommandReply', bytes, reader => millrace.v1.CommandReply.decode(reader));
  const { id, ok, body, atUs } = raw;
  const gateway = checkNames(raw);
  if (!Number.isSafeInteger(atUs) || atUs < 0) throw new RejectedError('at_us', 'must be a whole number below 2^53');
  return { id, gateway, ok, body, atUs };
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > maxCommandBytes)
    throw new RejectedError('payload', `has ${bytes.length} bytes, at most ${maxCommandBytes} are taken`);
}

function checkNames({ id, gateway }: { id: string; gateway: string }): GatewayId {
  if (id === '' || Buffer.byteLength(id) > maxIdBytes)
    throw new RejectedError('id', `must be 1 to ${maxIdBytes} bytes`);
  if (!isGatewayId(gateway)) throw new RejectedError('gateway', gatewayRule);
  return gateway;
}

function checkJson(field: string, text: string): void {
  if (text === '') return;
  try {
    JSON.parse(text);
  } catch {
    throw new RejectedError(field, 'must be JSON');
  }
}
