export { CompareChart } from './compare-chart.tsx';
export { SeriesChart } from './series-chart.tsx';
