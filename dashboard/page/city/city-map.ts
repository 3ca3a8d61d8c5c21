/** The map, which comes with Leaflet when it is first wanted. */
import { later } from '../app/later.tsx';
import type { CityMapProps } from './map.tsx';

const load = () => import('./map.tsx');
export const CityMap = later<CityMapProps>(() => load().then(found => found.CityMap), 'the map');
export const loadMap = (): void => void load();
