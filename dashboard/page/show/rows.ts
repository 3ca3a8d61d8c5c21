/** Arrow keys in lists: from one row's link to the next. */

/** For `onKeyDown` of what holds elements marked `data-row`. */
export function moveBetweenRows(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const from = event.target as HTMLElement;
  if (from.closest('[data-row]') === null && event.key !== 'Home' && event.key !== 'End') return;
  if (from.matches('input, select, textarea')) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[data-row]')];
  const index = rows.indexOf(from.closest<HTMLElement>('[data-row]')!);
  const next = event.key === 'Home' ? rows[0] : event.key === 'End' ? rows.at(-1) : step && rows[index + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
