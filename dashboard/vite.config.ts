/** Builds the page: `page/` → `dist/`, files named by their content, nothing inlined (the policy allows no inline script or style). */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

export default defineConfig({
  root: 'page',
  base: '/',
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    // light-dark() stays as it is: polyfilled it would double the style sheet.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    // One style sheet: a view that comes later would come twice as late with another.
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [precompressed()],
  logLevel: 'warn',
});

/** Beside each text file its `.gz` and `.br`: compressed once here, at a level that would be too slow while answering. */
function precompressed(): Plugin {
  return {
    name: 'precompressed',
    apply: 'build',
    // What is written: before, other plugins still put the names of files into each other.
    async writeBundle({ dir }, bundle) {
      const texts = Object.keys(bundle).filter(fileName => /\.(?:js|css|html|svg)$/.test(fileName));
      await Promise.all(
        texts.map(async fileName => {
          const file = join(dir!, fileName);
          const source = await readFile(file);
          await writeFile(`${file}.gz`, await promisify(gzip)(source, { level: 9 }));
          const params = { [constants.BROTLI_PARAM_SIZE_HINT]: source.length };
          await writeFile(`${file}.br`, await promisify(brotliCompress)(source, { params }));
        }),
      );
    },
  };
}
