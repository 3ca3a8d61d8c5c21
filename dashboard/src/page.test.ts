/** The page in a real Chromium, over the real dashboard and the real database. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import type { Browser, Page } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, show, withoutChromium } from '../page-test/browser.ts';
import { alertLine, cityLine, gatewayOf, insertCity, type TestCity } from '../page-test/city.ts';
import {
  createTables,
  eventually,
  insert,
  type QuestdbAddresses,
  type RunningDashboard,
  startDashboard,
} from '../test/running.ts';
import { hashPassword } from './access/passwords.ts';
import type { Series } from './answers.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-page-'));
let questdb: QuestdbAddresses;
let dashboard: RunningDashboard;
let browser: Browser;
let city: TestCity;

const outlines = {
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      properties: { zone: 'old-town' },
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [174.75, -36.83],
            [174.78, -36.83],
            [174.78, -36.86],
            [174.75, -36.86],
            [174.75, -36.83],
          ],
        ],
      },
    },
  ],
};

const paths = (): string[] => {
  const series = `/series/${gatewayOf(city, 0)}/weather/temperature`;
  const compared = [0, 1].map(index => `s=${gatewayOf(city, index)}/weather/temperature`).join('&');
  return [
    '/',
    `/series?q=${city.name}`,
    `${series}?from=-2h&table=1`,
    `/compare?${compared}&from=-2h`,
    `/completeness?site=${city.name}`,
    `/gateways?q=${city.name}`,
    '/alerts?state=all',
    '/login',
    '/?kiosk=1',
    `${series}?embed=1`,
    '/nothing-here',
  ];
};

/** What its button puts on the clipboard. */
async function copyLink(page: Page): Promise<URL> {
  await page.getByRole('button', { name: 'Link', exact: true }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  return new URL(await page.evaluate<string>('navigator.clipboard.readText()'));
}

describe('the page', { skip: withoutChromium, timeout: 1_200_000 }, () => {
  before(async () => {
    ({ questdb } = await sharedStack());
    await createTables(questdb);
    city = await insertCity(questdb, `page${randomBytes(3).toString('hex')}`);
    const file = join(home, 'outlines.json');
    writeFileSync(file, JSON.stringify(outlines));
    dashboard = await startDashboard(questdb, {
      PAGE__OUTLINES: file,
      PAGE__TITLE: 'Test city',
      PAGE__ATTRIBUTION: 'Nobody',
    });
    await eventually('the city is visible', async () => {
      const response = await fetch(`${dashboard.url}/api/series?site=${city.name}`);
      const { series } = (await response.json()) as { series: Series[] };
      return series.length === 3 && series.every(one => one.completeness !== null);
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await dashboard?.[Symbol.asyncDispose]();
    rmSync(home, { recursive: true, force: true });
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`each view has no fault and no barrier in ${colorScheme} colours`, { timeout: 300_000 }, async () => {
      await using watched = await openPage(browser, dashboard.url, { colorScheme });
      for (const path of paths()) {
        await show(watched.page, path);
        await assertAccessible(watched.page, `${path} in ${colorScheme}`);
        assert.deepEqual(watched.faults, [], path);
      }
    });
  }

  test('on a phone no view scrolls sideways, nor has a barrier', { timeout: 300_000 }, async () => {
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
    await using watched = await openPage(browser, dashboard.url, phone);
    for (const path of paths().slice(0, 8)) {
      await show(watched.page, path);
      const width = await watched.page.evaluate<number>('document.documentElement.scrollWidth');
      assert.ok(width <= 390, `${path} is ${width} px wide`);
      await assertAccessible(watched.page, `${path} on a phone`);
    }
    assert.deepEqual(watched.faults, []);
  });

  test('a value written meanwhile shows by itself, with its age, in the list and in the chart', async () => {
    await using watched = await openPage(browser, dashboard.url);
    const { page } = watched;
    const gateway = gatewayOf(city, 1);
    await show(page, `/series?q=${gateway}`);
    await insert(questdb, cityLine(city, gateway, 23.75, Date.now()));
    await page.getByText('23.75').waitFor();
    const row = page.locator('tbody tr').first();
    assert.match(await row.innerText(), /23\.75 °C[\s\S]*\d s[\s\S]*\d %/);

    await row.locator('a').click();
    await page.locator('.plot canvas').waitFor();
    await insert(questdb, cityLine(city, gateway, 24.25, Date.now()));
    await page.locator('.series-now', { hasText: '24.25' }).waitFor();
    assert.deepEqual(watched.faults, []);
  });

  test('a series that fell silent turns stale: said in words, and outside the map’s colours', async () => {
    await using watched = await openPage(browser, dashboard.url);
    const { page } = watched;
    const gateway = gatewayOf(city, 2);
    await insert(questdb, cityLine(city, gateway, 11.5, Date.now()));
    await show(page, `/?zone=${city.zone}&metric=temperature`);
    const point = page.locator(`path.point[aria-label*="${gateway}"]`);
    await page.locator(`path.point[aria-label^="11.50"]`).waitFor();
    assert.equal(await point.evaluate(element => element.classList.contains('hollow')), false);
    // Three times its cadence of five seconds, without another reading.
    await page.locator(`path.point.hollow[aria-label*="${gateway}"]`).waitFor({ timeout: 60_000 });
    assert.match((await point.getAttribute('aria-label')) ?? '', /stale/);
    await show(page, `/series?q=${gateway}&stale=1`);
    assert.match(await page.locator('tbody tr').first().innerText(), /stale/);
    assert.deepEqual(watched.faults, []);
  });

  test('the keyboard goes from point to point on the map, and opens one', async () => {
    await using watched = await openPage(browser, dashboard.url);
    const { page } = watched;
    await show(page, `/?zone=${city.zone}&metric=temperature`);
    await page.locator('path.point[tabindex="0"]').focus();
    const focused = (): Promise<string | null> => page.locator('path.point:focus').getAttribute('aria-label');
    const first = await focused();
    // The gateways stand from north-west to south-east.
    await page.keyboard.press('ArrowDown');
    const second = await focused();
    assert.notEqual(second, first);
    await page.locator('.map-card').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/series\//);
    await page.locator('.plot canvas').waitFor();
    await page.keyboard.press('/');
    await page.locator('[data-search]:focus').waitFor();
    assert.deepEqual(watched.faults, []);
  });

  test('an alert appears, is acknowledged with a note, and clears', async () => {
    await using watched = await openPage(browser, dashboard.url);
    const { page } = watched;
    const id = `${city.name}-new`;
    await show(page, `/alerts?q=${id}`);
    assert.equal(await page.locator(`[data-alert="${id}"]`).count(), 0);
    await insert(questdb, alertLine(city, id, 'RAISED', Date.now()));
    const row = page.locator(`[data-alert="${id}"]`);
    await row.waitFor();
    await row.getByRole('button', { name: /Acknowledge/ }).click();
    await page.getByLabel('Note (optional)').fill('Somebody looks at it');
    await page.locator('dialog[open]').getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await row.getByText('Somebody looks at it').waitFor();
    await page.reload();
    await row.getByText('Somebody looks at it').waitFor();
    await insert(questdb, alertLine(city, id, 'CLEARED', Date.now()));
    await row.waitFor({ state: 'detached' });
    await show(page, `/alerts?state=cleared&q=${id}`);
    await row.waitFor();
    assert.deepEqual(watched.faults, []);
  });

  test('a permalink opens the same view elsewhere: series, time, zone and what is drawn', async () => {
    await using first = await openPage(browser, dashboard.url, { permissions: ['clipboard-read', 'clipboard-write'] });
    const path = `/series/${gatewayOf(city, 0)}/weather/temperature`;
    await show(first.page, `${path}?from=-2h&resolution=1m&quantiles=0&table=1`);
    const moving = await copyLink(first.page);
    const [from, to] = ['from', 'to'].map(name => Number(moving.searchParams.get(name)));
    assert.equal(Math.round((to! - from!) / 60_000), 120);
    assert.ok(Math.abs(to! - Date.now()) < 60_000);
    // The last two minutes may still be on their way, and are not expected yet.
    moving.searchParams.set('to', String(city.now - 180_000));
    await show(first.page, moving.href);
    const link = (await copyLink(first.page)).href;
    const seen = async (page: Page): Promise<string> => {
      await page.locator('table.plain tbody tr').first().waitFor();
      await page.locator('main .skeleton').first().waitFor({ state: 'detached' });
      return `${await page.locator('.range-line').innerText()} ${await page.locator('table.plain').innerText()}`;
    };
    const before = await seen(first.page);
    // Another viewer, elsewhere on the globe.
    await using second = await openPage(browser, dashboard.url, { timezoneId: 'America/New_York' });
    await second.page.goto(link);
    assert.equal(await seen(second.page), before);
    assert.deepEqual([...first.faults, ...second.faults], []);
  });

  test('a hole is said, its gap is in the list, and no line is drawn across it', async () => {
    await using watched = await openPage(browser, dashboard.url);
    const { page } = watched;
    const { now, hole } = city;
    const [from, to] = [now - 7_200_000, now];
    await show(page, `/series/${gatewayOf(city, 0)}/weather/temperature?from=${from}&to=${to}&resolution=1m`);
    await page.locator('.gaps li').first().waitFor();
    assert.match(await page.locator('.gaps').innerText(), /20 min[\s\S]*missing/);
    const share = await page.locator('.range-line .completeness').innerText();
    assert.ok(Number.parseFloat(share) < 95, share);
    await page.locator('.key-quantiles').waitFor();
    const lineBetween = (start: number, end: number): Promise<number> =>
      page.evaluate<number>(`(() => {
        const canvas = document.querySelector('.plot canvas');
        const over = document.querySelector('.plot .u-over').getBoundingClientRect();
        const scale = canvas.width / canvas.getBoundingClientRect().width;
        const x = at => Math.round((over.left - canvas.getBoundingClientRect().left + (at - ${from}) / ${to - from} * over.width) * scale);
        const { data } = canvas.getContext('2d').getImageData(x(${start}), 0, x(${end}) - x(${start}), canvas.height);
        let found = 0;
        for (let i = 0; i < data.length; i += 4)
          if (Math.abs(data[i] - 10) + Math.abs(data[i + 1] - 101) + Math.abs(data[i + 2] - 112) < 20 && data[i + 3] > 200) found++;
        return found;
      })()`);
    const margin = 120_000;
    assert.ok((await lineBetween(hole.to + margin, to - margin)) > 100, 'the line is drawn where readings are');
    assert.equal(await lineBetween(hole.from + margin, hole.to - margin), 0);
    assert.deepEqual(watched.faults, []);
  });

  test('an outage keeps the last values, says since when, and ends by itself', async () => {
    const own = await startDashboard(questdb);
    const { port } = new URL(own.url);
    await using watched = await openPage(browser, own.url);
    const { page } = watched;
    await show(page, `/series?q=${city.name}`);
    const rows = await page.locator('tbody tr').count();
    await own[Symbol.asyncDispose]();
    await page.locator('.notice', { hasText: 'Not live' }).waitFor();
    assert.match(await page.locator('.notice').innerText(), /since \d\d:\d\d:\d\d[\s\S]*from before/);
    assert.equal(await page.locator('tbody tr').count(), rows);
    await using again = await startDashboard(questdb, { PORT: port });
    await page.locator('.live[data-state="live"]').waitFor();
    assert.equal(await page.locator('.notice').count(), 0);
    assert.equal(again.url, own.url);
  });

  test('a viewer logs in, sees no way to acknowledge, and logs out; an operator sees it', async () => {
    const file = join(home, 'users.yaml');
    const [vera, otto] = [await hashPassword('vera’s word'), await hashPassword('otto’s word')];
    writeFileSync(file, `vera: { role: viewer, password: "${vera}" }\notto: { role: operator, password: "${otto}" }\n`);
    await using guarded = await startDashboard(questdb, { ACCESS__USERS: file });
    await using watched = await openPage(browser, guarded.url);
    const { page } = watched;
    await page.goto(`/alerts?q=${city.name}-standing`);
    await page.getByText('Please log in').waitFor();
    await page.locator('main').getByRole('link', { name: 'Log in' }).click();
    const logIn = async (user: string, password: string): Promise<void> => {
      await page.getByLabel('User').fill(user);
      await page.getByLabel('Password').fill(password);
      await page.locator('main').getByRole('button', { name: 'Log in' }).click();
    };
    await logIn('vera', 'a guess');
    await page.getByRole('alert').waitFor();
    await logIn('vera', 'vera’s word');
    const row = page.locator(`[data-alert="${city.name}-standing"]`);
    await row.waitFor();
    assert.equal(await row.getByRole('button', { name: /Acknowledge/ }).count(), 0);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('Please log in').waitFor();
    assert.equal(await row.count(), 0);
    await page.locator('main').getByRole('link', { name: 'Log in' }).click();
    await logIn('otto', 'otto’s word');
    await row.getByRole('button', { name: /Acknowledge/ }).waitFor();
    assert.deepEqual(watched.faults, []);
  });

  test('the first view is below 200 KB compressed, and its files are kept by the browser', async () => {
    await using watched = await openPage(browser, dashboard.url);
    const { page } = watched;
    let bytes = 0;
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    const files = new Map<string, string>();
    page.on('response', response => {
      const { pathname } = new URL(response.url());
      if (pathname.startsWith('/assets/')) files.set(pathname, response.headers()['cache-control'] ?? '');
    });
    const streams = new Set<string>();
    session.on('Network.responseReceived', ({ requestId, type }) => type === 'EventSource' && streams.add(requestId));
    session.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await show(page, '/');
    await page.locator('path.point').first().waitFor();
    assert.ok(bytes > 20_000 && bytes < 200_000, `${bytes} bytes`);
    for (const [path, caching] of files) assert.match(caching, /immutable/, path);
  });
});
