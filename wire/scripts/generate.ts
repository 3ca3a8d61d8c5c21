/** Generates `wire/gen/millrace.{js,d.ts}` from the schema; with `--check` says whether what is checked in is current, and lints the schema. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const wire = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string): string => join(wire, '..', 'node_modules', '.bin', name);
const schema = join(wire, 'schema');
const protos = readdirSync(join(schema, 'millrace', 'v1'))
  .sort()
  .map(file => join(schema, 'millrace', 'v1', file));

const options = [
  '-t',
  'static-module',
  '-w',
  'es6',
  '--es6',
  '--dependency',
  '../src/protobuf.ts',
  '--force-number',
  '--no-service',
  '--no-verify',
  '--no-convert',
  '--no-delimited',
  '--no-create',
  '-p',
  schema,
];

function generate(dir: string): { js: string; types: string } {
  // The types come from the comments of the code, so it is generated once with them and once without.
  const [js, commented, types] = ['millrace.js', 'commented.js', 'millrace.d.ts'].map(name => join(dir, name)) as [
    string,
    string,
    string,
  ];
  execFileSync(bin('pbjs'), [...options, '--no-comments', '-o', js, ...protos]);
  execFileSync(bin('pbjs'), [...options, '-o', commented, ...protos]);
  execFileSync(bin('pbts'), ['--no-comments', '-o', types, commented]);
  return { js: readFileSync(js, 'utf8'), types: readFileSync(types, 'utf8') };
}

const dir = mkdtempSync(join(tmpdir(), 'millrace-wire-'));
try {
  execFileSync(bin('buf'), ['lint'], { cwd: schema, stdio: 'inherit' });
  const { js, types } = generate(dir);
  const targets = [
    [join(wire, 'gen', 'millrace.js'), js],
    [join(wire, 'gen', 'millrace.d.ts'), types],
  ] as const;
  if (process.argv.includes('--check')) {
    const stale = targets.filter(([path, text]) => readFileSync(path, 'utf8') !== text);
    if (stale.length > 0) {
      console.error(`wire/gen is not what wire/schema generates: run \`npm run wire:generate\` and commit the result.`);
      process.exitCode = 1;
    }
  } else {
    for (const [path, text] of targets) writeFileSync(path, text);
  }
} finally {
  rmSync(dir, { recursive: true });
}
