/** Writes the dashboards to `dashboard/grafana/*.json`, as Grafana imports them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards } from './boards.ts';

const directory = join(import.meta.dirname, '..', '..', 'grafana');
mkdirSync(directory, { recursive: true });
for (const [name, make] of Object.entries(boards))
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(make().build(), null, 2)}\n`);
