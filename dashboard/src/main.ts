/** The dashboard: what the database knows, as a page that updates by itself. */
import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { logSchema, questdbSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { loadAssets } from './assets.ts';
import { dashboardSchema } from './config.ts';
import { openDatabase } from './database.ts';
import { Live } from './live.ts';
import { watchViewers } from './metrics.ts';
import { openRanges } from './ranges.ts';
import { openServer } from './server.ts';
import { openSnapshots } from './snapshot.ts';

export function runDashboard(source: ConfigSource): Promise<number> {
  const config = loadConfig(source, { dashboard: dashboardSchema, questdb: questdbSchema, log: logSchema });
  const { health, refreshMs, maxViewers } = config.dashboard;
  return runService({ name: 'dashboard', section: 'dashboard', logLevel: config.log.level, health }, async service => {
    const { log } = service;
    await using database = await openDatabase(config.questdb, config.dashboard, log);
    const outage = () => database.outage;
    const snapshots = openSnapshots(database, config.dashboard);
    const ranges = openRanges(database, refreshMs);
    await using live = new Live({ snapshots, ranges, outage, refreshMs, maxViewers, log });
    await using server = await openServer(config.dashboard, {
      snapshots,
      ranges,
      live,
      outage,
      assets: loadAssets(),
      log,
    });
    watchViewers(service.metrics.registry, live);
    service.health.check('questdb', () => database.outage?.message ?? true);
    log.info({ url: server.url }, 'listening');
    await service.untilStopped();
  });
}
