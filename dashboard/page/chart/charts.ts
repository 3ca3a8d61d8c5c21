/** The charts, which come with uPlot when they are first wanted. */
import { later } from '../app/later.tsx';
import type { CompareChartProps } from './compare-chart.tsx';
import type { SeriesChartProps } from './series-chart.tsx';

const parts = () => import('./parts.ts');
export const SeriesChart = later<SeriesChartProps>(() => parts().then(found => found.SeriesChart), 'the chart');
export const CompareChart = later<CompareChartProps>(() => parts().then(found => found.CompareChart), 'the chart');
export const loadCharts = (): void => void parts();
