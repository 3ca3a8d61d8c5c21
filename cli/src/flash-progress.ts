/** A line a card, with rate and time left: redrawn in place on a terminal, a tenth at a time elsewhere. */
import type { WriteStream } from 'node:tty';

export interface Step {
  readonly path: string;
  readonly phase: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export function progressLines(
  out: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean },
  now: () => number = () => performance.now(),
) {
  const begun = new Map<string, { readonly atMs: number; readonly bytes: number }>();
  const lines = new Map<string, string>();
  const tenths = new Map<string, number>();
  let drawn = 0;
  let drawnAt = -Infinity;

  const draw = (): void => {
    const up = drawn > 0 ? `\u001b[${drawn}A` : '';
    out.write(up + [...lines.values()].map(line => `\u001b[2K${line}\n`).join(''));
    drawn = lines.size;
    drawnAt = now();
  };
  return {
    show(this: void, step: Step): void {
      const { path, phase, doneBytes, totalBytes } = step;
      const key = `${path} ${phase}`;
      // Counted from the first report on: when its bytes began is not known.
      const first = begun.get(key) ?? { atMs: now(), bytes: doneBytes };
      begun.set(key, first);
      lines.set(path, lineOf(step, doneBytes - first.bytes, now() - first.atMs));
      if (out.isTTY) {
        if (now() - drawnAt >= 100 || doneBytes === totalBytes) draw();
        return;
      }
      const tenth = Math.floor((10 * doneBytes) / Math.max(totalBytes, 1));
      if (tenth === tenths.get(key)) return;
      tenths.set(key, tenth);
      out.write(`${lines.get(path)}\n`);
    },
    /** What is shown stays; the next begins below. */
    end(): void {
      if (out.isTTY && lines.size > 0) draw();
      lines.clear();
      drawn = 0;
    },
  };
}

function lineOf({ path, phase, doneBytes, totalBytes }: Step, movedBytes: number, elapsedMs: number): string {
  const percent = Math.floor((100 * doneBytes) / Math.max(totalBytes, 1));
  const bytesPerMs = elapsedMs > 0 ? movedBytes / elapsedMs : 0;
  const rate = bytesPerMs > 0 ? `${(bytesPerMs / 1000).toFixed(1)} MB/s` : '';
  const left =
    bytesPerMs > 0 && doneBytes < totalBytes ? `${duration((totalBytes - doneBytes) / bytesPerMs)} left` : '';
  return [path, phase.padEnd(9), `${percent} %`.padStart(5), rate, left].filter(Boolean).join('  ');
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}
