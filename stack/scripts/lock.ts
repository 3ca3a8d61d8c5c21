/**
 * Makes `stack/artifacts.lock.json` anew from what Maven brings for the versions in `src/versions.ts`.
 * Run it after changing one, look at the difference, and commit both: `node stack/scripts/lock.ts`.
 */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Artifact, lockPath, sha256Of } from '../src/artifacts.ts';
import { copyDependencies } from '../src/maven.ts';

const directory = await mkdtemp(join(tmpdir(), 'millrace-lock-'));
try {
  await copyDependencies(directory, { artifacts: [], env: process.env, onProgress: () => {} });
  const artifacts: Artifact[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const path = join(directory, name);
    artifacts.push({ name, sizeBytes: (await stat(path)).size, sha256: await sha256Of(path) });
  }
  await writeFile(lockPath, `${JSON.stringify({ artifacts }, null, 2)}\n`);
  console.log(`${artifacts.length} artifacts written to ${lockPath}`);
} finally {
  await rm(directory, { recursive: true });
}
