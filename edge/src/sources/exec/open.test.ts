import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { folder } from '../../../test/outbox.ts';
import { execSchema } from './config.ts';
import { exec } from './source.ts';

test('open names what is wrong with the program or its folder', async () => {
  const path = join(folder(), 'program');
  const context = { key: 'edge.sources.0', resolvePath: (to: string) => join('/nowhere', to) };
  const opening = (config: Record<string, unknown>) =>
    exec.open(execSchema.parse({ type: 'exec', ...config }), context);
  const refused = (config: Record<string, unknown>, key: string) =>
    assert.rejects(opening(config), (error: unknown) => error instanceof ConfigError && error.mistakes[0]!.key === key);
  await refused({ command: [path] }, 'edge.sources.0.command.0');
  writeFileSync(path, '', { mode: 0o644 });
  await refused({ command: [folder()] }, 'edge.sources.0.command.0');
  if (process.getuid?.() !== 0) await refused({ command: [path] }, 'edge.sources.0.command.0');
  chmodSync(path, 0o755);
  await opening({ command: [path] });
  await refused({ command: [path], cwd: 'gone' }, 'edge.sources.0.cwd');
  for (const wrong of [[], [''], ['a\0b'], 'ls -l'])
    assert.equal(execSchema.safeParse({ type: 'exec', command: wrong }).success, false, JSON.stringify(wrong));
});
