import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, TransientError } from '@millrace/runtime/errors.ts';
import { fetchArtifacts } from './fetch.ts';
import { findJava } from './java.ts';
import type { StackEvent } from './report.ts';

// The real fetch is what every other test here starts from. Its failures are a program called mvn that fails so.
const root = mkdtempSync(join(tmpdir(), 'millrace-fetch-'));
after(() => rmSync(root, { recursive: true }));

const content = 'not really a jar';
const lock = {
  hash: 'test',
  artifacts: [{ name: 'a.jar', sizeBytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }],
};

/** An environment whose only own program is this shell script. */
function withProgram(name: string, script: string): NodeJS.ProcessEnv {
  const directory = mkdtempSync(join(root, 'bin-'));
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: `${directory}:/usr/bin:/bin`, MILLRACE_CACHE: mkdtempSync(join(root, 'cache-')) };
}

const outputDirectory = 'for a; do case $a in -DoutputDirectory=*) out=${a#*=};; esac; done';

const fetchWith = (env: NodeJS.ProcessEnv, report: (event: StackEvent) => void = () => {}) =>
  fetchArtifacts({ env, report, lock });

test('without Java, one sentence says what to install', async () => {
  await assert.rejects(findJava({ PATH: '/nonexistent' }), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.mistakes[0]?.key, 'PATH');
    assert.match(error.message, /no Java found.*install a Java 17 or later/);
    return true;
  });
});

test('a Java that is too old is named with its version', async () => {
  const env = withProgram('java', 'echo "    java.specification.version = 11" >&2');
  await assert.rejects(findJava(env), /PATH: java is Java 11, and Kafka [\d.]+ needs 17/);
});

test('a JAVA_HOME without Java is named as the mistake', async () => {
  await assert.rejects(findJava({ PATH: '/usr/bin', JAVA_HOME: '/nonexistent' }), /JAVA_HOME: no Java found at/);
});

test('without Maven, one sentence says what to install', async () => {
  const env = { ...withProgram('other', ''), PATH: '/nonexistent' };
  await assert.rejects(fetchWith(env), /PATH: no mvn found.*apt install maven/);
});

test('without a network, the error is one to try again after', async () => {
  const env = withProgram('mvn', 'echo "[ERROR] Could not transfer artifact x: Connection refused"; exit 1');
  await assert.rejects(fetchWith(env), (error: unknown) => {
    assert.ok(error instanceof TransientError);
    assert.match(error.message, /check the network.*Connection refused/);
    return true;
  });
});

test('a full disk while fetching is said as such', async () => {
  const env = withProgram('mvn', 'echo "[ERROR] x.jar.part: No space left on device"; exit 1');
  await assert.rejects(fetchWith(env), /MILLRACE_CACHE: the disk of .* is full; free some space/);
});

test('other bytes than the lock has are refused, named, and not kept', async () => {
  const env = withProgram('mvn', `${outputDirectory}; printf 'tampered content' > "$out/a.jar"`);
  await assert.rejects(fetchWith(env), /artifacts\.lock\.json: what Maven brought differs from the lock: a\.jar/);
  assert.deepEqual(readdirSync(env['MILLRACE_CACHE'] as string), []);
});

test('of two that fetch at once one does it and the other waits; a third finds it done', async () => {
  const env = withProgram(
    'mvn',
    `${outputDirectory}; echo run >> "$MILLRACE_CACHE/runs"; sleep 0.3; printf '${content}' > "$out/a.jar"`,
  );
  const notes: string[] = [];
  const note = (event: StackEvent) => event.kind === 'note' && notes.push(event.text);
  const both = await Promise.all([fetchWith(env, note), fetchWith(env, note)]);
  const third = await fetchWith(env, note);
  assert.deepEqual([both[1], third], [both[0], both[0]]);
  assert.equal(readFileSync(join(third.jars, 'a.jar'), 'utf8'), content);
  assert.equal(readFileSync(join(env['MILLRACE_CACHE'] as string, 'runs'), 'utf8'), 'run\n');
  assert.ok(
    notes.some(text => text.startsWith(`waiting for process ${process.pid}`)),
    notes.join('\n'),
  );
});
