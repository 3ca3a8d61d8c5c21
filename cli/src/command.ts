import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import type { ConfigSource } from '@millrace/runtime/config.ts';

/** A sub-command of `millrace`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** After `millrace <name>`: `[--json] FILE`. */
  readonly usage: string;
  /** Options besides `--config` and `--help`, a line each. */
  readonly options?: string;
  readonly example: string;
  /** Returns the exit code: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration. */
  run(args: readonly string[]): Promise<number>;
}

/** Wrong usage: the message says what and `--help` shows the rest. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const common = { config: { type: 'string' } } as const;

/** Parses the command's arguments; `--config` is common to all. @throws {UsageError} */
export function parse<T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: T,
  positionals: { readonly max: number },
) {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options: { ...common, ...options }, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0]! : String(error));
  }
  if (parsed.positionals.length > positionals.max)
    throw new UsageError(`unexpected argument '${parsed.positionals[positionals.max]}'`);
  const source: ConfigSource = { file: (parsed.values as { config?: string }).config, env: process.env };
  return { values: parsed.values, positionals: parsed.positionals, source };
}

export function helpOf({ name, summary, usage, options, example }: Command): string {
  const lines = [
    '  --config FILE   configuration (default: millrace.yaml in the working directory, if it is there)',
    ...(options ? [options] : []),
  ];
  return `${summary}\n\nUsage: millrace ${name}${usage ? ` ${usage}` : ''}\n\nOptions:\n${lines.join('\n')}\n\nExample:\n  ${example}\n`;
}
