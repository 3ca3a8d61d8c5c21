/** Alerts as a list, and their acknowledgement. */
import { useRef, useState } from 'preact/hooks';
import type { Alert } from '../../src/answers.ts';
import { linkTo, place } from '../app/location.ts';
import { useSession } from '../app/session.ts';
import { send } from '../data/ask.ts';
import { replaceAlert, useSeries } from '../data/city.ts';
import { Age } from '../show/age.tsx';
import { CompletenessMark } from '../show/completeness.tsx';
import { fieldText } from '../show/form.ts';
import { Severity } from '../show/marks.tsx';
import { quantityText } from '../show/quantity.ts';
import { moveBetweenRows } from '../show/rows.ts';
import { duration } from '../show/time.ts';
import { subjectName, subjectPath } from './subject.ts';
import './alerts.css';

export interface AlertRowsProps {
  readonly alerts: readonly Alert[];
  /** Without the series' names: beside the series itself. */
  readonly short?: boolean;
  readonly onAcknowledged?: () => void;
}

export function AlertRows({ alerts, short = false, onAcknowledged }: AlertRowsProps) {
  return (
    <ul class={short ? 'alert-rows short' : 'alert-rows'} onKeyDown={moveBetweenRows}>
      {alerts.map(alert => (
        <AlertRow key={alert.id} alert={alert} short={short} onAcknowledged={onAcknowledged} />
      ))}
    </ul>
  );
}

function AlertRow({
  alert,
  short,
  onAcknowledged,
}: {
  readonly alert: Alert;
  readonly short: boolean;
  readonly onAcknowledged: (() => void) | undefined;
}) {
  const { severity, state, message, rule, raisedAt, clearedAt, value, unit, acknowledged } = alert;
  const series = useSeries(alert);
  // The chart around it: as long before as after, an hour at least.
  const at = raisedAt ?? clearedAt;
  const around = at === null ? {} : { from: at - 3_600_000, to: Math.max(clearedAt ?? 0, at) + 3_600_000 };
  return (
    <li class={`alert-row ${state}`} data-alert={alert.id}>
      <Severity severity={severity} />
      <div class="alert-what">
        <a href={subjectPath(alert, state === 'raised' ? {} : around)} data-row>
          {message ?? rule}
        </a>
        <p class="quiet">
          {rule}
          {!short && (
            <>
              {' · '}
              {subjectName(alert)}
              {alert.zone === null ? '' : ` · ${alert.zone}`}
            </>
          )}
        </p>
        {acknowledged !== null && (
          <p class="acknowledged">
            Acknowledged by {acknowledged.by} <Age at={acknowledged.at} ago />
            {acknowledged.note !== null && <>: “{acknowledged.note}”</>}
          </p>
        )}
      </div>
      <dl class="alert-facts">
        {value !== null && (
          <div>
            <dt>{state === 'raised' ? 'Value' : 'Value then'}</dt>
            <dd>{quantityText(value, unit)}</dd>
          </div>
        )}
        <div>
          <dt>{state === 'raised' ? 'Raised' : 'Lasted'}</dt>
          <dd>
            {state === 'raised' || raisedAt === null || clearedAt === null ? (
              at !== null && <Age at={at} ago />
            ) : (
              <>
                {duration(clearedAt - raisedAt)}, until <Age at={clearedAt} ago />
              </>
            )}
          </dd>
        </div>
        {!short && series !== undefined && (
          <div>
            <dt>Series’ last hour</dt>
            <dd>
              <CompletenessMark of={series.completeness} />
            </dd>
          </div>
        )}
      </dl>
      {state === 'raised' && acknowledged === null && <Acknowledge alert={alert} onAcknowledged={onAcknowledged} />}
    </li>
  );
}

function Acknowledge({
  alert,
  onAcknowledged,
}: {
  readonly alert: Alert;
  readonly onAcknowledged: (() => void) | undefined;
}) {
  const { session } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<{ sending: boolean; error?: string }>({ sending: false });
  if (session === undefined) return null;
  if (session.role !== 'operator')
    return session.login.length > 0 && session.user === null ? (
      <a class="button" href={linkTo('/login', { next: place().path + location.search })}>
        Log in to acknowledge
      </a>
    ) : null;
  const acknowledge = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const note = fieldText(event.currentTarget, 'note').trim();
    setState({ sending: true });
    try {
      const path = `/api/alerts/${encodeURIComponent(alert.id)}/acknowledgement`;
      await send(path, 'POST', note === '' ? {} : { note });
      dialog.current?.close();
      const acknowledged = { by: session.user ?? 'operator', at: Date.now(), note: note === '' ? null : note };
      replaceAlert({ ...alert, acknowledged });
      onAcknowledged?.();
      setState({ sending: false });
    } catch (error) {
      setState({ sending: false, error: (error as Error).message });
    }
  };
  const what = alert.message ?? alert.rule;
  return (
    <>
      <button
        type="button"
        class="button"
        aria-label={`Acknowledge: ${what}`}
        onClick={() => dialog.current?.showModal()}
      >
        Acknowledge
      </button>
      <dialog ref={dialog} aria-label={`Acknowledge: ${what}`}>
        <form onSubmit={event => void acknowledge(event)}>
          <h2>Acknowledge</h2>
          <p>{what}</p>
          <p class="quiet">Others see that you know of it. It stays raised until its rule clears it.</p>
          <label class="field">
            <span>Note (optional)</span>
            <input type="text" name="note" maxLength={500} placeholder="What is being done" autocomplete="off" />
          </label>
          {state.error !== undefined && (
            <p class="failure" role="alert">
              {state.error}
            </p>
          )}
          <p class="dialog-buttons">
            <button type="button" class="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="button primary" disabled={state.sending}>
              Acknowledge
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}
