/** Which processes the pipeline is made of, and what each is told in its environment. */

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChildSpec } from '@millrace/stack/child.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
/** A service answers within a second; a busy machine that starts ten of them takes longer. */
const readyWithinMs = 60_000;
/** Above the services' own drain timeout. */
const stopWithinMs = 30_000;

export interface ServicePlan {
  readonly name: string;
  /** `['edge', '--config', 'demo/this-machine.yaml']` */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `http://127.0.0.1:9102` */
  readonly healthUrl: string;
}

/** @param shared environment that all services get. */
export function serviceSpec(
  { name, args, env, healthUrl }: ServicePlan,
  shared: Readonly<Record<string, string>>,
  logs: string,
): ChildSpec {
  return {
    name,
    command: process.execPath,
    args: () => ['--disable-warning=TimeoutNegativeWarning', main, ...args],
    // Halves the time until a killed service works again. Beside the logs: a folder that others can write must not hold code.
    env: { NODE_COMPILE_CACHE: join(dirname(logs), 'compile-cache'), ...process.env, ...shared, ...env },
    directory: process.cwd(),
    logPath: join(logs, `${name}.log`),
    probe: async () => {
      const response = await fetch(`${healthUrl}/livez`, { signal: AbortSignal.timeout(1000) });
      if (!response.ok) throw new Error(`/livez answered ${response.status}`);
    },
    readyWithinMs,
    stopWithinMs,
  };
}

export const demoDirectory = join(dirname(main), '..', '..', 'demo');
