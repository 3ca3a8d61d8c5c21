/** The dashboard serves uPlot from its package under this name; its types come with the package. */
export { default } from 'uplot';
