import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { versions } from './versions.ts';

export interface Java {
  /** The program to run: `$JAVA_HOME/bin/java`, or `java` from PATH. */
  readonly command: string;
  /** `17.0.15+6-Debian-1deb12u1`: class archives are good for exactly one build of Java. */
  readonly version: string;
}

/** @throws {ConfigError} when there is no Java, or one too old, with the remedy. */
export async function findJava(env: NodeJS.ProcessEnv): Promise<Java> {
  const home = env['JAVA_HOME'];
  const place = home ? 'JAVA_HOME' : 'PATH';
  const command = home ? join(home, 'bin', 'java') : 'java';
  const remedy = `install a Java ${versions.javaMajor} or later runtime (Debian: apt install openjdk-17-jre-headless; macOS: brew install openjdk), or point JAVA_HOME at one`;
  let banner: string;
  try {
    // PATH is looked up in `env`, not in this process's own.
    ({ stderr: banner } = await promisify(execFile)(command, ['-XshowSettings:properties', '-version'], { env }));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const found = missing ? `no Java found${home ? ` at ${command}` : ''}` : `${command} does not run`;
    throw ConfigError.of(place, `${found}, and Kafka and QuestDB need one; ${remedy}`);
  }
  const version = /^\s*java\.(?:vm\.version|runtime\.version) = (.+)$/m.exec(banner)?.[1] ?? 'unknown';
  const major = Number(/^\s*java\.specification\.version = (?:1\.)?(\d+)/m.exec(banner)?.[1]);
  if (!(major >= versions.javaMajor)) {
    throw ConfigError.of(
      place,
      `${command} is Java ${major}, and Kafka ${versions.kafka} needs ${versions.javaMajor}; ${remedy}`,
    );
  }
  return { command, version };
}

/**
 * The environment of a server: what finds programs and files, and nothing else. QDB_* variables would override
 * server.conf, and Millrace's own hold secrets.
 */
export function serverEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'USER', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ', 'JAVA_HOME', 'JAVA_TOOL_OPTIONS'];
  return Object.fromEntries(kept.filter(name => env[name] !== undefined).map(name => [name, env[name]]));
}
