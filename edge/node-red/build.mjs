// What tsc does not carry: the editor's halves of the nodes, and their icon. Plain JavaScript: `npm ci` runs it.
import { cpSync, readdirSync } from 'node:fs';

for (const name of readdirSync('src'))
  if (name.endsWith('.html') || name === 'icons') cpSync(`src/${name}`, `dist/${name}`, { recursive: true });
