/** Which time is shown: presets up to now, or from one instant to another. */
import { useState } from 'preact/hooks';
import { setQuery } from '../app/location.ts';
import { useTimeZone } from '../app/preferences.ts';
import { fieldText } from '../show/form.ts';
import { fixedSpan, presets, type Span, spanBounds, spanQuery, spanText } from '../show/span.ts';
import { fromInput, offsetName, toInput } from '../show/time.ts';

export const chooseSpan = (span: Span): void => setQuery(spanQuery(span), 'push');

export function SpanPicker({ span }: { readonly span: Span }) {
  const [open, setOpen] = useState(false);
  const zone = useTimeZone();
  const { from, to } = spanBounds(span);
  const choose = (event: SubmitEvent): void => {
    event.preventDefault();
    const [start, end] = ['from', 'to'].map(name => fromInput(fieldText(event.currentTarget, name)));
    if (start === undefined || end === undefined) return;
    chooseSpan(fixedSpan(start, end));
    setOpen(false);
  };
  return (
    <div class="span-picker">
      <div class="segments" role="group" aria-label="Time shown">
        {presets.map(({ ms, label }) => (
          <button
            key={ms}
            type="button"
            aria-pressed={span.kind === 'last' && span.ms === ms}
            onClick={() => chooseSpan({ kind: 'last', ms })}
          >
            {label}
          </button>
        ))}
        <button type="button" aria-pressed={span.kind === 'fixed'} aria-expanded={open} onClick={() => setOpen(!open)}>
          {span.kind === 'fixed' ? spanText(span) : 'From … to'}
        </button>
      </div>
      {open && (
        <form class="span-form" onSubmit={choose}>
          <label>
            From <input type="datetime-local" name="from" required defaultValue={toInput(from)} />
          </label>
          <label>
            To <input type="datetime-local" name="to" required defaultValue={toInput(to)} />
          </label>
          <span class="quiet">
            {zone} ({offsetName(to)})
          </span>
          <button type="submit" class="button primary">
            Show
          </button>
        </form>
      )}
    </div>
  );
}
