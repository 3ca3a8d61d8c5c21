/** The dashboard: what the database knows, as a page that updates by itself, and as an API. */
import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { logSchema, questdbSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { openAccess } from './access/guard.ts';
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
  const { health, host, refreshMs, maxViewers, lookbackHours, page } = config.dashboard;
  return runService({ name: 'dashboard', section: 'dashboard', logLevel: config.log.level, health }, async service => {
    const { log } = service;
    const access = openAccess(config.dashboard.access, host, log);
    await using database = await openDatabase(config.questdb, config.dashboard, log);
    const outage = () => database.outage;
    const snapshots = openSnapshots(database, config.dashboard);
    const ranges = openRanges(database, snapshots.catalog, refreshMs);
    await using live = new Live({ snapshots: () => snapshots.newest(), ranges, outage, refreshMs, maxViewers, log });
    await using server = await openServer(config.dashboard, {
      access,
      limits: { ...config.dashboard, ...config.dashboard.access },
      database,
      snapshots,
      ranges,
      live,
      outage,
      assets: loadAssets(),
      page,
      refreshMs,
      lookbackMs: lookbackHours * 3_600_000,
      log,
    });
    watchViewers(service.metrics.registry, live);
    service.health.check('questdb', () => database.outage?.message ?? true);
    log.info({ url: server.url }, 'listening');
    await service.untilStopped();
  });
}
