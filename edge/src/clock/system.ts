/** What the operating system knows of time: two clocks, and whether the wall clock has been set right. Linux. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';

export interface SystemClock {
  /** µs since the Unix epoch, as right as the wall clock is. */
  wallUs(): number;
  /** µs since the operating system's start; never set, at most slewed. */
  monotonicUs(): number;
  /** Of this start of the operating system: monotonic times of different ones say nothing of each other. */
  readonly bootId: string;
  /**
   * Whether the wall clock is synchronised; undefined when nobody here can tell.
   * @param stepped the wall clock was set since the last `true`: what was said before that does not count.
   */
  synchronised(stepped: boolean): Promise<boolean | undefined>;
}

/** systemd-timesyncd makes it at its first synchronisation and touches it at each one (systemd-timesyncd.service(8)). */
export const timesyncdFile = '/run/systemd/timesync/synchronized';

const askTimeoutMs = 3000;

/** @param synchronisedFile exists once the clock is right, and is touched when it was set right again. */
export function systemClock(synchronisedFile = timesyncdFile): SystemClock {
  let touchedMs: number | undefined;
  return {
    wallUs: () => Date.now() * 1000,
    monotonicUs: () => Number(process.hrtime.bigint() / 1000n),
    bootId: bootId(),
    async synchronised(stepped) {
      const { mtimeMs } = await stat(synchronisedFile).catch(() => ({ mtimeMs: undefined }));
      const isTouched = mtimeMs !== undefined && (!stepped || mtimeMs !== touchedMs);
      if (isTouched) {
        touchedMs = mtimeMs;
        return true;
      }
      const kernel = await kernelSays();
      // An operator's own file is the whole answer where the kernel has none.
      return kernel ?? (mtimeMs !== undefined || synchronisedFile !== timesyncdFile ? false : undefined);
    },
  };
}

/**
 * The kernel's own flag (adjtimex(2), STA_UNSYNC), which whoever disciplines the clock clears, and which setting it by hand
 * raises. Node cannot ask the kernel; timedatectl(1) can, and needs the system bus. No answer in time, as on a machine that is
 * still starting, is no answer that nobody can tell: then a clock that starts in the past would be taken as right.
 */
function kernelSays(): Promise<boolean | undefined> {
  return new Promise(resolve => {
    execFile(
      'timedatectl',
      ['show', '--property=NTPSynchronized', '--value'],
      { timeout: askTimeoutMs },
      (error, answer) =>
        resolve(error === null ? { yes: true, no: false }[answer.trim()] : error.killed ? false : undefined),
    );
  });
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID(); // Not Linux: nothing held by an earlier process can be dated.
  }
}
