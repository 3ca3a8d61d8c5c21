/**
 * Tells systemd that the agent is ready, alive, stopping: sd_notify(3), for a unit of `Type=notify` with `WatchdogSec`.
 * Node has no Unix datagram sockets, hence the program systemd-notify(1), and `NotifyAccess=all` in the unit.
 */
import { execFile } from 'node:child_process';
import { messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';

export interface SystemdOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Shown by `systemctl status`, at each sign of life. */
  readonly status?: () => string;
}

const programTimeoutMs = 10_000;

/**
 * Says `READY=1`, and a sign of life three times in `WATCHDOG_USEC`, until it is disposed, which says `STOPPING=1`. A blocked
 * event loop gives no sign: that is what the watchdog is for. A full outbox or an absent broker is no reason to be restarted.
 * Does nothing where systemd did not start this process.
 */
export function notifySystemd({ env, log, status }: SystemdOptions): AsyncDisposable {
  if (!env['NOTIFY_SOCKET']) return { async [Symbol.asyncDispose]() {} };
  const say = (...lines: string[]): Promise<void> =>
    new Promise(resolve => {
      const options = { env, timeout: programTimeoutMs };
      execFile('systemd-notify', status ? [...lines, `STATUS=${status()}`] : lines, options, error => {
        if (error) log.warn(`systemd is not told ${lines.join(' ')}: ${messageOf(error)}`);
        resolve();
      });
    });
  let last = say('READY=1');
  const watchdogUs = watchdogOf(env);
  const timer =
    watchdogUs === undefined
      ? undefined
      : setInterval(() => {
          last = say('WATCHDOG=1');
        }, watchdogUs / 3000);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await last;
      await say('STOPPING=1');
    },
  };
}

/** `WATCHDOG_PID` names whom the watchdog is for: not us when we inherited it. */
function watchdogOf(env: NodeJS.ProcessEnv): number | undefined {
  const us = Number(env['WATCHDOG_USEC']);
  const pid = env['WATCHDOG_PID'];
  return us > 0 && (pid === undefined || pid === String(process.pid)) ? us : undefined;
}
