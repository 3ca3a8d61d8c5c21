/**
 * How fast the page is, in a real Chromium over a real QuestDB and a dashboard of its own:
 *
 *   npx node dashboard/bench/page.ts --runs 8
 *
 * A city of 60 gateways with six series each, and one series of 100,000 readings. Each run is a browser without anything
 * kept. Prints the first view's compressed bytes, and median and p95 of: the first point on the map and the first chart
 * (ms from the start of the navigation), and of dragging 100,000 points (ms from a pointer's move until it is drawn).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStack } from '@millrace/stack/stack.ts';
import type { Browser, Page } from 'playwright-core';
import { openBrowser, withoutChromium } from '../page-test/browser.ts';
import { createTables, eventually, insert, type QuestdbAddresses, startDashboard } from '../test/running.ts';

const { values: options } = parseArgs({ options: { runs: { type: 'string', default: '8' } } });
const runs = Number(options.runs);
if (withoutChromium !== false) throw new Error(withoutChromium);

const points = 100_000;
const everyMs = 1_000;
const now = Date.now();
const home = mkdtempSync(join(tmpdir(), 'millrace-page-bench-'));
try {
  await run();
} finally {
  rmSync(home, { recursive: true, force: true });
}

async function run(): Promise<void> {
  await using stack = await openStack({ home, kafkaNodes: 0 });
  const questdb = stack.questdb!;
  await createTables(questdb);
  await fill(questdb);
  await using dashboard = await startDashboard(questdb, { REFRESH_MS: '2000' });
  const series = `${dashboard.url}/series/dense/weather/temperature`;
  await eventually('all readings are visible', async () => {
    const answer = await fetch(
      `${dashboard.url}/api/range?gateway=dense&sensor=weather&metric=temperature&resolution=raw&points=${points}&from=${now - points * everyMs - 1}&to=${now}`,
    );
    return ((await answer.json()) as { t?: unknown[] }).t?.length === points;
  });
  const found = { map: [] as number[], chart: [] as number[], drag: [] as number[], bytes: 0 };
  for (let i = 0; i < runs; i++) {
    await using browser = await openBrowser();
    const first = await firstView(browser, `${dashboard.url}/`);
    found.bytes = first.bytes;
    found.map.push(first.ms);
    found.chart.push(await firstChart(browser, `${series}?from=-6h`));
    found.drag.push(
      ...(await drag(
        browser,
        `${series}?from=${now - points * everyMs - 1}&to=${now}&resolution=raw&points=${points}`,
      )),
    );
  }
  console.log(`first view: ${found.bytes} bytes, compressed; ${runs} runs`);
  for (const [name, values] of [
    ['first point on the map', found.map],
    ['first chart', found.chart],
    [`drag ${points} points`, found.drag],
  ] as const) {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (share: number): string => sorted[Math.ceil(share * sorted.length) - 1]!.toFixed(1);
    console.log(`${name}: median ${at(0.5)} ms, p95 ${at(0.95)} ms of ${sorted.length}`);
  }
}

async function fill(questdb: QuestdbAddresses): Promise<void> {
  const month = Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth()) * 1000;
  const symbols = (gateway: string, metric: string): string =>
    `site=bench,zone=centre,gateway=${gateway},sensor=weather,metric=${metric},unit=Cel`;
  const describe = (gateway: string, metric: string, cadenceMs: number, lat: number, lon: number): string =>
    `series,${symbols(gateway, metric)} interval_ms=${cadenceMs}i,lat=${lat},lon=${lon} ${month}`;
  const reading = (gateway: string, metric: string, value: number, at: number): string =>
    `readings,${symbols(gateway, metric)},clock=SYNCED value=${value},quality=0i,received=${at * 1000}t,boot=1i,seq=${at}i ${at * 1000}`;
  const metrics = ['temperature', 'humidity', 'pm2_5', 'noise', 'no2', 'battery'];
  const lines: string[] = [];
  for (let g = 0; g < 60; g++) {
    for (const metric of metrics) {
      lines.push(describe(`lamp-${g}`, metric, 60_000, -36.84 - (g % 8) / 400, 174.76 + Math.floor(g / 8) / 400));
      for (let i = 1; i <= 120; i++)
        lines.push(reading(`lamp-${g}`, metric, 10 + g / 10 + Math.sin(i / 9), now - i * 60_000));
    }
  }
  lines.push(describe('dense', 'temperature', everyMs, -36.85, 174.77));
  for (let i = points; i > 0; i--)
    lines.push(
      reading('dense', 'temperature', 15 + 5 * Math.sin(i / 9_000) + Math.sin(i * 12.9898) * 0.8, now - i * everyMs),
    );
  for (let i = 0; i < lines.length; i += 10_000) await insert(questdb, ...lines.slice(i, i + 10_000));
}

async function openFresh(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  return await context.newPage();
}

async function firstView(browser: Browser, url: string): Promise<{ bytes: number; ms: number }> {
  const page = await openFresh(browser);
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  let bytes = 0;
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto(url);
  await page.locator('path.point').first().waitFor();
  const ms = await page.evaluate<number>('performance.now()');
  await page.context().close();
  return { bytes, ms };
}

async function firstChart(browser: Browser, url: string): Promise<number> {
  const page = await openFresh(browser);
  await page.goto(url);
  const marked = "performance.getEntriesByName('millrace:first-chart')[0]?.startTime";
  const ms = await eventually('the first chart', () => page.evaluate<number | undefined>(marked));
  await page.context().close();
  return ms;
}

/** A pointer that drags back and forth; each of its moves is a drawing of all points. */
async function drag(browser: Browser, url: string): Promise<number[]> {
  const page = await openFresh(browser);
  await page.goto(url);
  await page.locator('.plot canvas').waitFor();
  await page.evaluate(`globalThis.moves = [];
    new PerformanceObserver(list => {
      for (const entry of list.getEntries()) if (entry.name === 'millrace:chart-move') globalThis.moves.push(entry.duration);
    }).observe({ type: 'measure' });`);
  const box = (await page.locator('.plot .u-over').boundingBox())!;
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await page.mouse.move(middle.x, middle.y);
  await page.mouse.down();
  for (let i = 1; i <= 60; i++) await page.mouse.move(middle.x + 60 * Math.sin(i / 6), middle.y);
  const moves = await page.evaluate<number[]>('globalThis.moves');
  await page.mouse.up();
  await page.context().close();
  if (moves.length < 20) throw new Error(`only ${moves.length} moves were drawn`);
  return moves;
}
