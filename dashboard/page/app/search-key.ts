import { useEffect } from 'preact/hooks';

/** `/` goes to the search field of the view, else of the header. */
export function useSearchKey(): void {
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      const { target } = event;
      if (target instanceof Element && target.matches('input, select, textarea, [contenteditable]')) return;
      const field =
        document.querySelector<HTMLElement>('main [data-search]') ??
        document.querySelector<HTMLElement>('[data-search]');
      if (field === null) return;
      event.preventDefault();
      field.focus();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);
}
