/** The agent as one file, and the licences of what is in it. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { checkout } from '../image/machine.ts';

/** Has native code or is absent without harm: copied beside the bundle when it is installed, never bundled. */
const external = ['serialport', '@serialport/*', 'bufferutil', 'utf-8-validate'];

/** Packages that are loaded at run time when a source needs them, those of `external` that are worth their bytes. */
export const loadedAtRunTime = ['serialport'];

export interface Bundle {
  readonly code: string;
  /** Licence texts, a paragraph a package. */
  readonly licences: string;
}

export async function bundleAgent(): Promise<Bundle> {
  const result = await build({
    absWorkingDir: checkout,
    entryPoints: [join(import.meta.dirname, 'entry.ts')],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external,
    // CommonJS packages in it ask for Node's own modules by require().
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    legalComments: 'none',
    // Half of what is to be parsed at each start; names stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    charset: 'utf8',
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  return { code: result.outputFiles[0]!.text, licences: licencesOf(Object.keys(result.metafile.inputs)) };
}

function licencesOf(inputs: readonly string[]): string {
  const folders = inputs.flatMap(file => file.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/)?.[0] ?? []);
  return [...new Set(folders)]
    .sort()
    .map(folder => {
      const { name, version, license } = JSON.parse(readFileSync(join(checkout, folder, 'package.json'), 'utf8'));
      const file = globSync('{LICEN[CS]E,licen[cs]e}*', { cwd: join(checkout, folder) }).sort()[0];
      const text = file === undefined ? '' : `\n${readFileSync(join(checkout, folder, file), 'utf8').trim()}\n`;
      return `${name} ${version}: ${license}\n${text}`;
    })
    .join('\n----\n\n');
}

/** Folders of `names` and of all they need, of those that are installed; as paths in `node_modules`. */
export function installedClosure(names: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    const folder = join(checkout, 'node_modules', name);
    if (found.has(name) || !existsSync(folder)) return;
    found.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    Object.keys(dependencies).forEach(add);
  };
  names.forEach(add);
  return [...found].sort();
}
