/** What Linux says of a process: proc(5). Elsewhere these figures are not known: NaN. */
import { readFileSync } from 'node:fs';

/** `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const tickUs = 10_000;

/** User and system time of all its threads, µs. */
export function cpuUsOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  // The second field, the name, may hold spaces and parentheses; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

/** Largest resident size so far, MB. */
export function peakMbOf(pid: number): number {
  return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1]) * 1024) / 1e6;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
