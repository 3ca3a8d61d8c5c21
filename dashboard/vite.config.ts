/** Builds the page: `page/` → `dist/`, files named by their content, nothing inlined (the policy allows no inline script or style). */
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
    enforce: 'post',
    async generateBundle(_options, bundle) {
      const texts = Object.entries(bundle).filter(([fileName]) => /\.(?:js|css|html|svg)$/.test(fileName));
      await Promise.all(
        texts.map(async ([fileName, file]) => {
          const source = Buffer.from(file.type === 'chunk' ? file.code : file.source);
          const gzipped = await promisify(gzip)(source, { level: 9 });
          this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipped });
          const params = { [constants.BROTLI_PARAM_SIZE_HINT]: source.length };
          const brotli = await promisify(brotliCompress)(source, { params });
          this.emitFile({ type: 'asset', fileName: `${fileName}.br`, source: brotli });
        }),
      );
    },
  };
}
