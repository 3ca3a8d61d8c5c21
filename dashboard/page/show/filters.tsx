/** What narrows a list; each filter stands in the address. */
import { setQuery } from '../app/location.ts';

/** Words to search for, as `q`. */
export function SearchField({ value, placeholder }: { readonly value: string; readonly placeholder: string }) {
  return (
    <label class="field grow">
      <span>Search</span>
      <input
        type="search"
        data-search
        value={value}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        onInput={event => setQuery({ q: event.currentTarget.value })}
      />
    </label>
  );
}

/** One of the options, or all. A value from a link that is none of them is shown nevertheless: it filters. */
export function Choice({
  name,
  label,
  value,
  options,
}: {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={event => setQuery({ [name]: event.currentTarget.value })}>
        <option value="">all</option>
        {(value === '' || options.includes(value) ? options : [value, ...options]).map(one => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A filter that a link has set: says so, and takes it away. Nothing while it is not set. */
export function FilterChip({ name, value }: { readonly name: string; readonly value: string }) {
  if (value === '') return null;
  return (
    <button type="button" class="chip" onClick={() => setQuery({ [name]: undefined })}>
      {name} {value} <span aria-hidden="true">×</span>
      <span class="visually-hidden">: remove this filter</span>
    </button>
  );
}

/** Shows and hides the numbers of a chart, as `table`. */
export function NumbersToggle({ shown }: { readonly shown: boolean }) {
  return (
    <button
      type="button"
      class="button"
      aria-expanded={shown}
      onClick={() => setQuery({ table: shown ? undefined : 1 })}
    >
      {shown ? 'Hide the numbers' : 'Show the numbers'}
    </button>
  );
}
