/** The map itself: outlines, points coloured by value, and the keys that go from point to point. */
import {
  type CircleMarker,
  circleMarker,
  control,
  map as createMap,
  type GeoJSON,
  geoJSON,
  type LatLngBounds,
  type Map as LeafletMap,
  latLngBounds,
  type PathOptions,
  svg,
} from 'leaflet';
import 'leaflet/dist/leaflet.css';
import { addGraticule } from './graticule.ts';

export type Outlines = NonNullable<Parameters<typeof geoJSON>[0]>;

export interface MapPoint {
  readonly id: string;
  readonly lat: number;
  readonly lon: number;
  /** Of the scale; undefined: outside it, drawn hollow. */
  readonly colour: string | undefined;
  readonly alerting: boolean;
  /** All that a look at it tells. */
  readonly label: string;
}

export interface MapHandlers {
  onFocus(id: string | undefined): void;
  onOpen(id: string): void;
}

/** The zone that an outline is of, by what its GeoJSON says. */
export const outlineZone = (properties: Record<string, unknown> | null | undefined): string | undefined => {
  const name = properties?.['zone'] ?? properties?.['name'];
  return typeof name === 'string' ? name : undefined;
};

export class MapView {
  readonly #map: LeafletMap;
  readonly #handlers: MapHandlers;
  readonly #markers = new Map<string, { marker: CircleMarker; point: MapPoint }>();
  readonly #renderer = svg({ padding: 0.5 });
  #outlines: GeoJSON | undefined;
  #fitted: 'no' | 'points' | 'outlines' = 'no';
  #current: string | undefined;

  constructor(element: HTMLElement, handlers: MapHandlers) {
    this.#handlers = handlers;
    this.#map = createMap(element, {
      attributionControl: false,
      zoomControl: false,
      // The arrow keys go from point to point instead.
      keyboard: false,
      zoomSnap: 0.25,
      renderer: this.#renderer,
      // The wheel alone scrolls the page, as long as nobody has clicked into the map.
      scrollWheelZoom: false,
    });
    // Beneath the points, so that no name hides one.
    this.#map.createPane('outlines').style.zIndex = '200';
    this.#map.createPane('outline-names').style.zIndex = '300';
    this.#map.setView([0, 0], 2);
    control.scale({ position: 'bottomleft', imperial: false, maxWidth: 120 }).addTo(this.#map);
    addGraticule(this.#map);
    this.#map.on('click', () => this.#map.scrollWheelZoom.enable());
    element.addEventListener('mouseleave', () => this.#map.scrollWheelZoom.disable());
    element.addEventListener('keydown', event => this.#key(event));
    new ResizeObserver(() => this.#map.invalidateSize()).observe(element);
  }

  showOutlines(data: Outlines, attribution: string | null): void {
    this.#outlines?.remove();
    this.#outlines = geoJSON(data, {
      interactive: false,
      pane: 'outlines',
      style: feature => ({ className: `outline ${classOf(feature?.properties)}`.trim() }),
      pointToLayer: (_feature, at) => circleMarker(at, { radius: 2, className: 'outline', pane: 'outlines' }),
      onEachFeature: (feature, layer) => {
        const name = outlineZone(feature.properties as Record<string, unknown>);
        const kind = feature.geometry.type;
        if (name === undefined || !(kind === 'Polygon' || kind === 'MultiPolygon')) return;
        layer.bindTooltip(document.createTextNode(name) as unknown as HTMLElement, {
          permanent: true,
          direction: 'center',
          className: 'outline-name',
          pane: 'outline-names',
          interactive: false,
        });
      },
    }).addTo(this.#map);
    if (attribution !== null) {
      control
        .attribution({ prefix: false, position: 'bottomleft' })
        .addAttribution(escape(attribution))
        .addTo(this.#map);
    }
    if (this.#fitted === 'no') this.fit();
  }

  showPoints(points: readonly MapPoint[]): void {
    const gone = new Set(this.#markers.keys());
    for (const point of points) {
      gone.delete(point.id);
      const known = this.#markers.get(point.id);
      if (known === undefined) this.#add(point);
      else this.#update(known, point);
    }
    for (const id of gone) {
      this.#markers.get(id)!.marker.remove();
      this.#markers.delete(id);
    }
    if (this.#current === undefined || !this.#markers.has(this.#current)) this.#makeCurrent(points[0]?.id);
    if (this.#fitted !== 'points' && points.length > 0) this.fit();
  }

  /** Marks one from outside, as from the list. */
  highlight(id: string | undefined): void {
    for (const [one, { marker }] of this.#markers) {
      marker.getElement()?.classList.toggle('lit', one === id);
      if (one === id) marker.bringToFront();
    }
  }

  /** All points, else all outlines. */
  fit(): void {
    const points = [...this.#markers.values()].map(({ marker }) => marker.getLatLng());
    const bounds: LatLngBounds | undefined = points.length > 0 ? latLngBounds(points) : this.#outlines?.getBounds();
    if (bounds === undefined || !bounds.isValid()) return;
    this.#fitted = points.length > 0 ? 'points' : 'outlines';
    // The legend stands in the lower right; on a phone it is as wide as half of the map, and what is there is moved up.
    const legend = this.#map.getSize().x < 500 ? 130 : 36;
    this.#map.fitBounds(bounds, {
      paddingTopLeft: [36, 36],
      paddingBottomRight: [36, legend],
      maxZoom: 17,
      animate: false,
    });
  }

  zoom(by: number): void {
    this.#map.setZoom(this.#map.getZoom() + by);
  }

  /** Where on the map a point is drawn, px. */
  positionOf(id: string): { x: number; y: number } | undefined {
    const marker = this.#markers.get(id)?.marker;
    return marker && this.#map.latLngToContainerPoint(marker.getLatLng());
  }

  close(): void {
    this.#map.remove();
  }

  #add(point: MapPoint): void {
    const marker = circleMarker([point.lat, point.lon], { ...styleOf(point), bubblingMouseEvents: false });
    marker.addTo(this.#map);
    this.#markers.set(point.id, { marker, point });
    const element = marker.getElement() as SVGElement;
    element.setAttribute('role', 'link');
    element.setAttribute('tabindex', '-1');
    element.setAttribute('aria-label', point.label);
    element.dataset['id'] = point.id;
    marker.on('mouseover', () => this.#handlers.onFocus(point.id));
    marker.on('mouseout', () => this.#handlers.onFocus(undefined));
    marker.on('click', () => this.#handlers.onOpen(point.id));
    element.addEventListener('focus', () => {
      this.#makeCurrent(point.id);
      this.#handlers.onFocus(point.id);
    });
    element.addEventListener('blur', () => this.#handlers.onFocus(undefined));
  }

  #update(known: { marker: CircleMarker; point: MapPoint }, point: MapPoint): void {
    const { marker, point: before } = known;
    known.point = point;
    if (before.colour !== point.colour || before.alerting !== point.alerting) {
      marker.setStyle(styleOf(point));
      const element = marker.getElement()!;
      element.classList.toggle('hollow', point.colour === undefined);
      element.classList.toggle('alerting', point.alerting);
    }
    if (before.lat !== point.lat || before.lon !== point.lon) marker.setLatLng([point.lat, point.lon]);
    if (before.label !== point.label) marker.getElement()!.setAttribute('aria-label', point.label);
  }

  /** One point at a time is in the order of Tab; the arrow keys choose another. */
  #makeCurrent(id: string | undefined): void {
    const elementOf = (one: string | undefined): Element | undefined =>
      one === undefined ? undefined : this.#markers.get(one)?.marker.getElement();
    elementOf(this.#current)?.setAttribute('tabindex', '-1');
    this.#current = id;
    elementOf(id)?.setAttribute('tabindex', '0');
  }

  #key(event: KeyboardEvent): void {
    const direction = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (direction !== undefined) this.#focusTowards(direction as [number, number]);
    else if (event.key === '+' || event.key === '=') this.zoom(1);
    else if (event.key === '-') this.zoom(-1);
    else if ((event.key === 'Enter' || event.key === ' ') && this.#current !== undefined)
      this.#handlers.onOpen(this.#current);
    else return;
    event.preventDefault();
  }

  /** The nearest point in the direction, where what is off to the side counts as farther. */
  #focusTowards([dx, dy]: [number, number]): void {
    const from = this.#current === undefined ? undefined : this.positionOf(this.#current);
    if (from === undefined) return;
    let best: { id: string; cost: number } | undefined;
    for (const id of this.#markers.keys()) {
      const { x, y } = this.positionOf(id)!;
      const along = (x - from.x) * dx + (y - from.y) * dy;
      const across = Math.abs((x - from.x) * dy) + Math.abs((y - from.y) * dx);
      if (along <= 0.5) continue;
      const cost = along + 2.5 * across;
      if (best === undefined || cost < best.cost) best = { id, cost };
    }
    if (best === undefined) return;
    const marker = this.#markers.get(best.id)!.marker;
    this.#map.panInside(marker.getLatLng(), { padding: [40, 40], animate: false });
    (marker.getElement() as SVGElement).focus({ preventScroll: true });
  }
}

function styleOf({ colour, alerting }: MapPoint): PathOptions & { radius: number } {
  return {
    radius: 8,
    className: `point ${colour === undefined ? 'hollow' : ''} ${alerting ? 'alerting' : ''}`.trim().replace('  ', ' '),
    fillColor: colour ?? 'transparent',
    fillOpacity: 1,
    stroke: true,
  };
}

/** `water`, `road`, `zone`: an outline may say what it is. */
function classOf(properties: Record<string, unknown> | null | undefined): string {
  const kind = properties?.['kind'];
  return typeof kind === 'string' && /^[a-z]{1,20}$/.test(kind) ? `outline-${kind}` : '';
}

/** Leaflet takes an attribution as HTML. */
function escape(text: string): string {
  const element = document.createElement('i');
  element.textContent = text;
  return element.innerHTML;
}
