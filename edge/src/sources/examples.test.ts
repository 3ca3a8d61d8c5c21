import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@millrace/runtime/config.ts';
import { folder } from '../../test/outbox.ts';
import { edgeSchema } from '../config.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

for (const name of readdirSync(here).filter(entry => existsSync(join(here, entry, 'README.md'))))
  test(`the examples in the README of ${name} are right configurations`, () => {
    const readme = readFileSync(join(here, name, 'README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml!);
    const sources = blocks.filter(yaml => /^sources:|^ +- type:/.test(yaml));
    assert.ok(sources.length > 0);
    for (const yaml of sources) {
      const file = join(folder(), 'edge.yaml');
      const section = yaml.startsWith('sources:') ? yaml : `sources:\n${yaml}`;
      writeFileSync(file, `edge:\n  gateway: gw-1\n${section.replace(/^/gm, '  ')}`);
      loadConfig({ file, env: {} }, { edge: edgeSchema });
    }
  });
