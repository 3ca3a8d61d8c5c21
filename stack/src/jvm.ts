import { createHash } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Java } from './java.ts';

/**
 * `full`: both of Java's compilers, for throughput. `quick`: the first one only, which halves the CPU of a start and
 * costs throughput under load; for tests.
 */
export type Jit = 'full' | 'quick';

/**
 * A class archive (AppCDS) of one server: made at the first orderly stop, which then takes 3 s longer, and used from
 * then on. Figures in docs/decisions/0002-local-stack.md.
 */
export class ClassArchive {
  readonly #path: string;
  readonly #draft: string;

  /** @param server Which jars and main class, `kafka`. An archive is good for one build of Java and one class path. */
  constructor(directory: string, server: string, java: Java) {
    const build = createHash('sha256').update(`${java.command} ${java.version}`).digest('hex').slice(0, 8);
    this.#path = join(directory, `${server}-${build}.jsa`);
    this.#draft = `${this.#path}.${process.pid}`;
  }

  exists(): boolean {
    return existsSync(this.#path);
  }

  /** What to start Java with: the archive, or the wish for one. */
  flags(): string[] {
    if (this.exists()) return [`-XX:SharedArchiveFile=${this.#path}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
    return [`-XX:ArchiveClassesAtExit=${this.#draft}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
  }

  /** After an orderly stop, when the archive is complete: others see it from now on. */
  publish(): void {
    if (existsSync(this.#draft)) renameSync(this.#draft, this.#path);
  }
}
