/** A component whose code comes when it is first shown. */
import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Failure, Skeleton } from '../show/blank.tsx';

export function later<Props extends object>(
  load: () => Promise<FunctionComponent<Props>>,
  label: string,
): FunctionComponent<Props> {
  let Found: FunctionComponent<Props> | undefined;
  return props => {
    const [, again] = useState<object>();
    const [error, setError] = useState<Error>();
    useEffect(() => {
      if (Found !== undefined) return;
      load().then(
        found => {
          Found = found;
          again({});
        },
        () => setError(new Error('This part of the page could not be loaded; the dashboard may have been updated.')),
      );
    }, []);
    if (error !== undefined) return <Failure error={error} retry={() => location.reload()} />;
    return Found === undefined ? (
      <div class="plot-blank">
        <Skeleton rows={1} label={label} />
      </div>
    ) : (
      <Found {...props} />
    );
  };
}
