/** A wall clock that a test can set, for one process: `Date` there is off by what a file says; the monotonic clock is not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '@millrace/stack/child.ts';
import type { City } from './city.ts';

const fileIn = (city: City): string => join(city.home, 'clock-offset-ms');
const preload = join(import.meta.dirname, 'clock-preload.mjs');

/** The environment of a process whose clock is to be set. */
export function clockEnv(city: City): Record<string, string> {
  writeFileSync(fileIn(city), '0');
  return { NODE_OPTIONS: `--import ${preload}`, MILLRACE_TEST_CLOCK: fileIn(city) };
}

// oxlint-disable-next-line require-await
export async function setClock(city: City, child: Child, offsetMs: number): Promise<void> {
  writeFileSync(fileIn(city), String(offsetMs));
  process.kill(child.pid!, 'SIGUSR2');
}
