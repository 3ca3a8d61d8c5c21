/** Line drawings of 20 × 20; they go with a word or a label, never alone. */
const paths = {
  city: 'M3 17V8l4-3 4 3v9M11 17V4l6 2v11M2 17h16M6 10.5h2M6 13.5h2M13.5 9h1.5M13.5 12h1.5',
  series: 'M2 14l4-5 3 3 4-8 5 9',
  completeness: 'M3 4h14v13H3ZM3 8h14M7 2v3M13 2v3M7 12l2 2 4-4',
  gateways: 'M5 12h10v5H5ZM8 14.5h.1M10 12V8M6.5 5.5a5 5 0 0 1 7 0M8.2 7.2a2.6 2.6 0 0 1 3.6 0',
  alerts: 'M10 3a5 5 0 0 1 5 5c0 4 1.5 5 1.5 5h-13S5 12 5 8a5 5 0 0 1 5-5ZM8.5 16a1.6 1.6 0 0 0 3 0',
  plus: 'M10 4v12M4 10h12',
  minus: 'M4 10h12',
  fit: 'M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4',
  north: 'M10 2l4 14-4-3-4 3Z',
  search: 'M9 3a6 6 0 1 1 0 12A6 6 0 0 1 9 3ZM13.5 13.5 18 18',
  sun: 'M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M4 16l1.4-1.4M14.6 5.4 16 4',
  moon: 'M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5Z',
  auto: 'M10 3a7 7 0 1 1 0 14ZM10 3a7 7 0 1 0 0 14',
  link: 'M8 12l4-4M9 6l2-2a3.5 3.5 0 0 1 5 5l-2 2M11 14l-2 2a3.5 3.5 0 0 1-5-5l2-2',
  download: 'M10 3v9M6 8.5l4 4 4-4M3 16h14',
  compare: 'M3 14l4-6 4 4 6-8M3 9l4 4 4-6 6 6',
  user: 'M10 3a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM3.5 17a6.5 6.5 0 0 1 13 0',
  check: 'M3.5 10.5l4 4 9-9',
  close: 'M5 5l10 10M15 5 5 15',
  table: 'M3 4h14v12H3ZM3 8h14M3 12h14M9 4v12',
} as const;

export function Icon({ name }: { readonly name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
