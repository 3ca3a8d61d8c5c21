/** A link to exactly this view: a span that ends now becomes one that stays. */
import { useState } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { timeZone } from '../app/preferences.ts';
import { type Span, spanBounds } from '../show/span.ts';

export function CopyLink({ span }: { readonly span: Span }) {
  const [said, setSaid] = useState('');
  const copy = async (): Promise<void> => {
    const { from, to } = spanBounds(span);
    const url = new URL(location.href);
    url.searchParams.set('from', String(Math.round(from)));
    url.searchParams.set('to', String(Math.round(to)));
    url.searchParams.set('tz', timeZone());
    try {
      await navigator.clipboard.writeText(url.href);
      setSaid('Copied');
    } catch {
      // Without TLS, or within a frame, browsers refuse the clipboard: then it stands in the address bar.
      history.replaceState(null, '', url);
      dispatchEvent(new PopStateEvent('popstate'));
      setSaid('In the address bar');
    }
    setTimeout(() => setSaid(''), 3_000);
  };
  return (
    <>
      <button
        type="button"
        class="button"
        onClick={() => void copy()}
        title="Copies a link to this time, these settings and this time zone"
      >
        <Icon name="link" /> {said || 'Link'}
      </button>
      <span class="visually-hidden" role="status">
        {said}
      </span>
    </>
  );
}
