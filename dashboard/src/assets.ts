/** The built page, ready to be sent: each file as it is and compressed, as the build has left it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@millrace/runtime/errors.ts';

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  /** Of text only; the rest is compressed as it is. */
  readonly gzip: Buffer | undefined;
  readonly brotli: Buffer | undefined;
  readonly etag: string;
  /** Its name has its content's hash: another content comes under another name. */
  readonly immutable: boolean;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

const built = fileURLToPath(new URL('../dist/', import.meta.url));

/** By path: `/` is the page, `/assets/<file>` what it loads. @throws {ConfigError} it has not been built. */
export function loadAssets(directory = built): ReadonlyMap<string, Asset> {
  if (!existsSync(join(directory, 'index.html')))
    throw ConfigError.of('dashboard', 'its page has not been built; `node scripts/install.mjs` builds it');
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => extname(name) in types);
  return new Map(names.map(name => [name === 'index.html' ? '/' : `/${name}`, assetOf(directory, name)] as const));
}

function assetOf(directory: string, name: string): Asset {
  const body = readFileSync(join(directory, name));
  const compressed = (ending: string): Buffer | undefined => {
    const file = join(directory, name + ending);
    return existsSync(file) ? readFileSync(file) : undefined;
  };
  return {
    type: types[extname(name)]!,
    body,
    gzip: compressed('.gz'),
    brotli: compressed('.br'),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    immutable: name.startsWith('assets/'),
  };
}
