import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { city } from './city.ts';
import { fleet } from './fleet.ts';
import { pipeline } from './pipeline.ts';
import { sensor } from './sensor.ts';

/** Every dashboard there is, by its file's name. */
export const boards: Readonly<Record<string, () => DashboardBuilder>> = { city, sensor, fleet, pipeline };
