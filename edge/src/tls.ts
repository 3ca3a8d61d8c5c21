/** The certificates of the uplink, read from their files. */
import { readFileSync } from 'node:fs';
import { type ConfigSource, pathResolver } from '@millrace/runtime/config.ts';
import { ConfigError, type ConfigMistake, messageOf } from '@millrace/runtime/errors.ts';
import type { EdgeConfig } from './config.ts';

export interface Tls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files at each call, so that a renewed certificate counts from the next connection on.
 * @throws {ConfigError} naming each file that cannot be read.
 */
export function readTls({ mqtt }: EdgeConfig, from: ConfigSource): Tls {
  const mistakes: ConfigMistake[] = [];
  const read = (name: keyof Tls): Tls => {
    const path = mqtt.tls?.[name];
    if (path === undefined) return {};
    try {
      return { [name]: readFileSync(pathResolver(from)(path), 'utf8') };
    } catch (error) {
      mistakes.push({ key: `edge.mqtt.tls.${name}`, message: `cannot be read (${messageOf(error)})` });
      return {};
    }
  };
  const tls = { ...read('ca'), ...read('cert'), ...read('key') };
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return tls;
}
