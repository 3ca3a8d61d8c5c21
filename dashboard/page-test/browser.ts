/** A real Chromium, and what must never happen in it: errors, violations of the policy, requests to another origin. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const places = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const executable = places.find(place => place !== undefined && existsSync(place));
/** For `test(name, { skip }, …)`. */
export const withoutChromium =
  executable === undefined ? 'no Chromium found: install one, or set CHROMIUM to its program' : false;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(executable === undefined ? {} : { executablePath: executable }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
}

export interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** What happened that must not. */
  readonly faults: string[];
}

/** A page in a context of its own. Its console, its errors and where its requests go are watched. */
export async function openPage(browser: Browser, base: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({
    baseURL: base,
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Pacific/Auckland',
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  const faults: string[] = [];
  page.on('console', message => {
    // An answer that is an error, as 401 before a login, is told by the browser as well; the page says it itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('pageerror', error => faults.push(error.stack ?? error.message));
  page.on('request', request => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== base && protocol !== 'blob:') faults.push(`request to ${request.url()}`);
  });
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** Shows a view, until what it waits for is there. */
export async function show(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.locator('main h1, main h2').first().waitFor();
  await page.locator('main .skeleton').first().waitFor({ state: 'detached' });
}

const axeSource = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** Fails with each violation and where it is. Evaluated, not added as a script: the page's policy stands. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axeSource);
  const results = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return await axe.run({ resultTypes: ['violations'] });
  });
  const found = results.violations.map(
    ({ id, help, nodes }) =>
      `${id} (${help}): ${nodes.map(node => `${node.html} ${node.failureSummary?.replace(/\s+/g, ' ')}`).join('\n')}`,
  );
  assert.deepEqual(found, [], what);
}
