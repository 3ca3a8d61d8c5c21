/** `running.json` in the home folder: what runs and where to reach it, for people and programs. Gone when nothing runs. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { identityOf, isRunning, type ProcessIdentity } from '@millrace/stack/identity.ts';
import type { Plan } from './plan.ts';
import type { Supervised } from './supervisor.ts';

export interface Addresses {
  readonly brokers: readonly string[];
  readonly questdb: {
    readonly url: string;
    readonly pgHost: string;
    readonly pgPort: number;
    readonly user: string;
    readonly password: string;
  };
}

/** Of the pipeline that runs on this home, if one does. */
export function runningAddresses(
  home: string,
):
  | (Pick<Addresses, 'brokers'> & { readonly questdb: Pick<Addresses['questdb'], 'url' | 'pgHost' | 'pgPort'> })
  | undefined {
  try {
    const found = JSON.parse(readFileSync(join(home, 'running.json'), 'utf8')) as Addresses & {
      identity?: ProcessIdentity;
    };
    return found.identity && isRunning(found.identity) ? found : undefined;
  } catch {
    return undefined; // none, or half of one
  }
}

export class RunningFile {
  readonly #path: string;
  readonly #say: (sentence: string) => void;
  #failed = false;

  constructor(home: string, say: (sentence: string) => void) {
    this.#path = join(home, 'running.json');
    this.#say = say;
  }

  /** @throws {ConfigError} when a Millrace runs on this home; what a dead one left is removed. */
  claim(home: string): void {
    let found: { identity?: ProcessIdentity; dashboardUrl?: string };
    try {
      found = JSON.parse(readFileSync(this.#path, 'utf8')) as typeof found;
    } catch {
      return; // none, or half of one
    }
    if (found.identity && isRunning(found.identity)) {
      throw ConfigError.of(
        'MILLRACE_HOME',
        `Millrace runs on ${home} already (process ${found.identity.pid}, dashboard ${found.dashboardUrl}); stop it, or set MILLRACE_HOME to another folder`,
      );
    }
    this.remove();
  }

  write(
    { services, dashboardUrl, mqttUrl }: Plan,
    { brokers, questdb }: Addresses,
    entries: readonly Supervised[],
  ): void {
    const { url, pgHost, pgPort } = questdb;
    const processes = entries.map(({ name, state, restarts, child }) => ({
      name,
      state,
      restarts,
      pid: child.pid,
      healthUrl: services.find(service => service.name === name)?.healthUrl,
    }));
    const text = JSON.stringify(
      {
        pid: process.pid,
        identity: identityOf(process.pid),
        brokers,
        questdb: { url, pgHost, pgPort },
        dashboardUrl,
        mqttUrl,
        processes,
      },
      null,
      2,
    );
    try {
      writeFileSync(`${this.#path}.new`, `${text}\n`);
      renameSync(`${this.#path}.new`, this.#path);
      this.#failed = false;
    } catch (error) {
      // The pipeline goes on without it.
      if (!this.#failed) this.#say(`${this.#path} cannot be written: ${messageOf(error)}`);
      this.#failed = true;
    }
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
