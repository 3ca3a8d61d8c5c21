/** The page in a real Chromium over the whole pipeline: what a gateway measures is seen, and so is that one has stopped. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBrowser, openPage, show, withoutChromium } from '../dashboard/page-test/browser.ts';
import { Pipeline } from './pipeline.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-page-'));
const pipeline = new Pipeline(home, {
  rules: [
    {
      name: 'stopped',
      severity: 'critical',
      where: { gateway: 'host-1' },
      silent: 'gateway',
      after: '10s',
      atMostEvery: '0s',
    },
  ],
});

const agent = (): number => pipeline.running()!.processes.find(({ name }) => name === 'edge host-1')!.pid!;

describe('the page over the pipeline', { skip: withoutChromium, timeout: 500_000 }, () => {
  before(() => pipeline.start(), { timeout: 150_000 });
  after(async () => {
    await pipeline[Symbol.asyncDispose]();
    rmSync(home, { recursive: true, force: true });
  });

  test('a live value arrives; a gateway that stops turns stale and raises an alert, which clears when it goes on', {
    timeout: 240_000,
  }, async () => {
    await using browser = await openBrowser();
    await using watched = await openPage(browser, pipeline.running()!.dashboardUrl);
    const { page } = watched;
    await show(page, '/series?gateway=host-1&q=load');
    const row = page.locator('tbody tr').first();
    await row.waitFor();
    // Five readings a second: another value is a matter of moments.
    const value = await row.locator('.number').innerText();
    await row.locator('.number', { hasNotText: value }).waitFor();

    const alert = page.locator('.alert-row', { hasText: 'gateway host-1' });
    const frozen = agent();
    process.kill(frozen, 'SIGSTOP');
    try {
      await row.getByText('stale').waitFor({ timeout: 60_000 });
      await show(page, '/alerts');
      await alert.waitFor({ timeout: 90_000 });
    } finally {
      process.kill(frozen, 'SIGCONT');
    }
    await alert.waitFor({ state: 'detached', timeout: 90_000 });
    await show(page, '/series?gateway=host-1&q=load');
    await row.waitFor();
    await row.getByText('stale').waitFor({ state: 'detached', timeout: 60_000 });
    assert.deepEqual(watched.faults, []);
  });
});
