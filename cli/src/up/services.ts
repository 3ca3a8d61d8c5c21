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
  readonly healthPort: number;
}

export function serviceSpec({ name, args, env, healthPort }: ServicePlan, logs: string): ChildSpec {
  return {
    name,
    command: process.execPath,
    args: () => ['--disable-warning=TimeoutNegativeWarning', main, ...args],
    env: { ...process.env, ...env },
    directory: process.cwd(),
    logPath: join(logs, `${name}.log`),
    probe: async () => {
      const response = await fetch(`http://127.0.0.1:${healthPort}/livez`, { signal: AbortSignal.timeout(1000) });
      if (!response.ok) throw new Error(`/livez answered ${response.status}`);
    },
    readyWithinMs,
    stopWithinMs,
  };
}

export const demoDirectory = join(dirname(main), '..', '..', 'demo');
