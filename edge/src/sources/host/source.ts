/** This machine's own sensors, from `/sys` and `/proc`. */
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { Reading } from '../../reading.ts';
import type { Source, SourceKind } from '../source.ts';
import { type HostConfig, hostSchema } from './config.ts';
import { load, pressure, processor, uptime } from './kernel.ts';
import { disks, fileSystems, memory, network } from './resources.ts';
import { temperatures } from './temperatures.ts';

export const host = {
  schema: hostSchema,
  isPaced: true,
  // oxlint-disable-next-line require-await
  open: async (config: HostConfig) => hostSource(config, '/'),
} satisfies SourceKind;

/** `root` stands for `/`, so that a test can show it a recorded tree. */
export function hostSource({ intervalMs }: Pick<HostConfig, 'intervalMs'>, root: string): Source {
  return {
    async run(emit, { signal, log, nowUs }) {
      const sample = sampler(root, log);
      while (!signal.aborted) {
        const timeUs = nowUs();
        const readings = await sample(timeUs, intervalMs);
        await emit(readings, { completeThroughUs: timeUs });
        // On the interval's own ticks: a slow sample or a full outbox leaves ticks out, and shifts none.
        await wait(intervalMs - (Date.now() % intervalMs), undefined, { signal });
      }
    },
  };
}

/** Takes one sample of everything there is; what cannot be read is said once, and once when it is back. */
export function sampler(root: string, log: Logger): (timeUs: number, intervalMs: number) => Promise<Reading[]> {
  const probes = [
    temperatures(root),
    load(root),
    uptime(root),
    processor(root),
    pressure(root),
    memory(root),
    fileSystems(root),
    disks(root),
    network(root),
  ];
  const silent = new Set<string>();
  const say = (name: string, fault: string | undefined): void => {
    if (fault !== undefined && !silent.has(name))
      log.warn({ part: name }, `cannot be read, its series pause: ${fault}`);
    if (fault === undefined && silent.has(name)) log.info({ part: name }, 'can be read again');
    if (fault === undefined) silent.delete(name);
    else silent.add(name);
  };
  return async (timeUs, intervalMs) => {
    const atMs = performance.now();
    const parts = await Promise.all(
      probes.map(async probe => {
        try {
          const samples = await probe.read(atMs);
          say(probe.name, undefined);
          return samples;
        } catch (error) {
          say(probe.name, messageOf(error));
          return [];
        }
      }),
    );
    return parts.flat().flatMap(sample => {
      const name = `${sample.sensor} ${sample.metric}`;
      if (!Number.isFinite(sample.value)) {
        say(name, 'is not a number');
        return [];
      }
      say(name, undefined);
      return [{ ...sample, timeUs, intervalMs }];
    });
  };
}
