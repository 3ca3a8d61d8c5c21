/** What the configuration asks for, all of it checked: everything that can be wrong before the agent starts. */
import { type ConfigSource, checkConfig, pathResolver, placed } from '@millrace/runtime/config.ts';
import { ConfigError, type ConfigMistake } from '@millrace/runtime/errors.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import type { z } from 'zod';
import { type EdgeConfig, edgeSchema } from './config.ts';
import { type NamedSource, openSources } from './sources/run.ts';
import { readTls } from './tls.ts';

export interface LoadedEdge {
  readonly edge: EdgeConfig;
  readonly log: z.output<typeof logSchema>;
  /** Opened; nothing is read yet. */
  readonly sources: readonly NamedSource[];
}

/** Starts nothing. @throws {ConfigError} with every mistake that can be found at once, each with its line and column. */
export async function loadEdge(from: ConfigSource): Promise<LoadedEdge> {
  const { config, mistakes } = checkConfig(from, { edge: edgeSchema, log: logSchema });
  const { edge, log } = config;
  if (edge === undefined || log === undefined) throw new ConfigError(mistakes);
  const all: ConfigMistake[] = [...mistakes];
  const collect = (error: unknown): void => {
    if (!(error instanceof ConfigError)) throw error;
    all.push(...placed(error, from).mistakes);
  };
  const sources = await openSources(edge.sources, pathResolver(from)).catch(collect);
  try {
    readTls(edge, from);
  } catch (error) {
    collect(error);
  }
  if (sources === undefined || all.length > 0) throw new ConfigError(all);
  return { edge, log, sources };
}
