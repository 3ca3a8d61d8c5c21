/** The server's clock as seen from here: ages must not depend on the viewer's clock. One timer for all that shows an age. */
import { useEffect, useState } from 'preact/hooks';

let offsetMs = 0;
const watchers = new Set<() => void>();

export const serverNow = (): number => Date.now() + offsetMs;

export function setServerNow(now: number): void {
  offsetMs = now - Date.now();
}

setInterval(() => {
  if (!document.hidden) for (const watch of watchers) watch();
}, 1_000);

/** What `tell` makes of the present; drawn again only when that differs. */
export function useClock<T extends string | number | boolean>(tell: (now: number) => T): T {
  const [, setShown] = useState<T>();
  const value = tell(serverNow());
  useEffect(() => {
    const watch = (): void => setShown(tell(serverNow()));
    watchers.add(watch);
    return () => {
      watchers.delete(watch);
    };
  });
  return value;
}
