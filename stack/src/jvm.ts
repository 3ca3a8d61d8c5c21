import { createHash } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { identityOf } from './identity.ts';
import type { Java } from './java.ts';

/**
 * `full`: both of Java's compilers. `quick`: the first one only, which halves the CPU of a start; Kafka's throughput
 * stays the same, QuestDB's larger queries take twice as long (docs/decisions/0002-local-stack.md).
 */
export type Jit = 'full' | 'quick';

/** Flags of every server. A server that ran out of heap must die, and be seen dead, not linger half alive. */
export function jvmFlags({ heapMb, jit }: { readonly heapMb: number; readonly jit: Jit }): string[] {
  return [
    `-Xms${Math.min(64, heapMb)}m`,
    `-Xmx${heapMb}m`,
    '-XX:+ExitOnOutOfMemoryError',
    ...(jit === 'quick' ? ['-XX:TieredStopAtLevel=1'] : []),
  ];
}

/**
 * A class archive (AppCDS) of one server: made at the first orderly stop, which then takes 3 s longer, and used from
 * then on. It takes 40 % off a start.
 */
export class ClassArchive {
  readonly #path: string;
  readonly #draft: string;

  /** @param server Which class path and main class. An archive is good for one build of Java and one class path. */
  constructor(directory: string, server: string, java: Java) {
    const build = createHash('sha256').update(`${java.command} ${java.version}`).digest('hex').slice(0, 8);
    this.#path = join(directory, `${server}-${build}.jsa`);
    this.#draft = `${this.#path}.${process.pid}`;
  }

  exists(): boolean {
    return existsSync(this.#path);
  }

  /** What to start Java with: the archive, or the wish for one. Java goes on without an archive that does not fit. */
  flags(): string[] {
    const silent = ['-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
    if (this.exists()) return [`-XX:SharedArchiveFile=${this.#path}`, ...silent];
    this.#removeAbandoned();
    return [`-XX:ArchiveClassesAtExit=${this.#draft}`, ...silent];
  }

  /** After the server ended. Only an orderly end left a whole archive, and others see it from now on. */
  settle(orderly: boolean): void {
    if (!orderly) rmSync(this.#draft, { force: true });
    else if (existsSync(this.#draft)) renameSync(this.#draft, this.#path);
  }

  /** Drafts, 50 MB each, of processes that died before they could settle them. */
  #removeAbandoned(): void {
    const directory = dirname(this.#path);
    const drafts = readdirSync(directory).filter(name => name.startsWith(`${basename(this.#path)}.`));
    for (const name of drafts) {
      if (!identityOf(Number(name.slice(name.lastIndexOf('.') + 1)))) rmSync(join(directory, name), { force: true });
    }
  }
}
