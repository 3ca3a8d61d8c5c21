/** Lines of latitude and longitude at round steps, named at the edges: without tiles, they say where one is. */
import { DivIcon, LayerGroup, type Map as LeafletMap, Marker, Polyline } from 'leaflet';

const steps = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002] as const;
/** A line each so many pixels at least. */
const minDistancePx = 150;

export function addGraticule(map: LeafletMap): void {
  const group = new LayerGroup().addTo(map);
  map.createPane('graticule').style.zIndex = '250';
  const draw = (): void => {
    group.clearLayers();
    const bounds = map.getBounds();
    const degreesPerPixel = (bounds.getEast() - bounds.getWest()) / map.getSize().x;
    if (!(degreesPerPixel > 0)) return;
    const step = steps.findLast(one => one / degreesPerPixel >= minDistancePx) ?? steps[0];
    const digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const line = (from: [number, number], to: [number, number]): void => {
      group.addLayer(new Polyline([from, to], { pane: 'graticule', className: 'graticule', interactive: false }));
    };
    const name = (at: [number, number], text: string, side: string): void => {
      const icon = new DivIcon({ className: `graticule-name ${side}`, html: text, iconSize: [0, 0] });
      group.addLayer(new Marker(at, { icon, interactive: false, keyboard: false }));
    };
    const [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    for (let lon = Math.ceil(west / step) * step; lon < east; lon += step) {
      line([south, lon], [north, lon]);
      name([north, lon], `${Math.abs(lon).toFixed(digits)}° ${lon < 0 ? 'W' : 'E'}`, 'of-longitude');
    }
    for (let lat = Math.ceil(south / step) * step; lat < north; lat += step) {
      line([lat, west], [lat, east]);
      // The scale bar stands in the lower corner.
      if (map.latLngToContainerPoint([lat, west]).y < map.getSize().y - 56)
        name([lat, west], `${Math.abs(lat).toFixed(digits)}° ${lat < 0 ? 'S' : 'N'}`, 'of-latitude');
    }
  };
  map.on('moveend resize', draw);
  map.whenReady(draw);
}
