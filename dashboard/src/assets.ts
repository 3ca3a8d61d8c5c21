/** The page's files, ready to be sent: TypeScript with its types stripped, compressed, each with its ETag. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** By path: `/` and `/page/<file>`, uPlot among them. There is no build step: what stands in `page/` is what is sent. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const directory = new URL('../page/', import.meta.url);
  const names = readdirSync(directory).filter(name => extname(name) in types && !name.endsWith('.d.ts'));
  const assets = new Map(
    names.map(name => [`/page/${name}`, assetOf(name, readFileSync(new URL(name, directory), 'utf8'))]),
  );
  assets.set('/', assets.get('/page/index.html')!);
  assets.delete('/page/index.html');
  assets.set('/page/uplot.js', assetOf('uplot.js', readPackaged('uplot/dist/uPlot.esm.js')));
  assets.set('/page/uplot.css', assetOf('uplot.css', readPackaged('uplot/dist/uPlot.min.css')));
  return assets;
}

function readPackaged(specifier: string): string {
  return readFileSync(fileURLToPath(import.meta.resolve(specifier)), 'utf8');
}

function assetOf(name: string, source: string): Asset {
  const body = Buffer.from(name.endsWith('.ts') ? quietly(() => stripTypeScriptTypes(source)) : source);
  return {
    type: types[extname(name)]!,
    body,
    gzipped: gzipSync(body),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  };
}

/**
 * Node 24 warns that `stripTypeScriptTypes` is experimental, in the operator's log, though it is what runs this very
 * file. That one warning is held back, during that one synchronous call.
 */
function quietly<T>(work: () => T): T {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = ((warning: string | Error, ...rest: []) => {
    if (!String(warning).includes('stripTypeScriptTypes')) emitWarning(warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
