/** The gateways as cards; one chosen narrows the table to its series. */
import type { Gateway } from '../src/answers.ts';
import { make, setText } from './dom.ts';
import { clockTime, duration, plural } from './format.ts';

interface Card {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly site: HTMLElement;
  readonly state: HTMLElement;
  readonly seen: HTMLElement;
  readonly outbox: HTMLElement;
  readonly missing: HTMLElement;
  readonly dropped: HTMLElement;
}

const stateWords = {
  online: 'online',
  offline: 'offline',
  silent: 'silent',
  unknown: 'no status',
} as const satisfies Record<Gateway['state'], string>;

const stateReasons = {
  online: 'connected, and reports every minute',
  offline: 'the broker lost its connection, or it said goodbye',
  silent: 'last said it was online, and has not reported for minutes',
  unknown: 'its readings arrive; it never reported its state',
} as const satisfies Record<Gateway['state'], string>;

/** The account is told to be old from here on: a gateway that sends has a new one each few seconds. */
const staleMs = 120_000;

export class GatewayList {
  readonly #list: HTMLElement;
  readonly #onToggle: (gateway: string) => void;
  readonly #cards = new Map<string, Card>();

  constructor(list: HTMLElement, onToggle: (gateway: string) => void) {
    this.#list = list;
    this.#onToggle = onToggle;
  }

  show(gateways: readonly Gateway[], only: string | undefined, now: number): void {
    const gone = new Set(this.#cards.keys());
    for (const [i, gateway] of gateways.entries()) {
      gone.delete(gateway.gateway);
      const card = this.#cards.get(gateway.gateway) ?? this.#make(gateway.gateway);
      this.#cards.set(gateway.gateway, card);
      fill(card, gateway, only, now);
      if (this.#list.children[i] !== card.item) this.#list.insertBefore(card.item, this.#list.children[i] ?? null);
    }
    for (const id of gone) {
      this.#cards.get(id)?.item.remove();
      this.#cards.delete(id);
    }
  }

  #make(id: string): Card {
    const [site, state, seen, outbox, missing, dropped] = [
      make('span', 'site'),
      make('span', 'state'),
      make('span', 'seen'),
      make('span', 'outbox'),
      make('span', 'missing'),
      make('span', 'dropped'),
    ];
    const button = make(
      'button',
      'card',
      make('span', 'line', make('span', 'id', id), state),
      site,
      make('span', 'line', seen, outbox),
      missing,
      dropped,
    );
    button.type = 'button';
    button.addEventListener('click', () => this.#onToggle(id));
    return { item: make('li', '', button), button, site, state, seen, outbox, missing, dropped };
  }
}

function fill(
  { button, site, state, seen, outbox, missing, dropped }: Card,
  gateway: Gateway,
  only: string | undefined,
  now: number,
): void {
  button.setAttribute('aria-pressed', String(only === gateway.gateway));
  button.dataset['state'] = gateway.state;
  setText(site, gateway.site ?? '');
  setText(state, stateWords[gateway.state]);
  state.title = stateReasons[gateway.state];
  const age = now - gateway.lastSeen;
  setText(seen, age < 10_000 ? 'seen just now' : `seen ${duration(age)} ago`);
  seen.title = clockTime(gateway.lastSeen, now);
  setText(outbox, outboxText(gateway));
  outbox.title = 'readings that wait on the gateway, when it last reported';
  // Nothing when all is well.
  missing.hidden = !gateway.missing;
  setText(missing, gateway.missing ? missingText(gateway, now) : '');
  missing.title = 'newer readings have arrived and these have not: they are on their way, were rejected, or are lost';
  dropped.hidden = !gateway.dropped;
  setText(dropped, gateway.dropped ? `${plural(gateway.dropped, 'reading')} dropped` : '');
  dropped.title =
    'given up by the gateway since its outbox was made (restarts keep it): the outbox was full, or they were too old';
}

function outboxText({ outboxReadings }: Gateway): string {
  if (outboxReadings === null) return '';
  return outboxReadings === 0 ? 'outbox empty' : `${outboxReadings.toLocaleString('en')} in outbox`;
}

function missingText({ missing, missingAt, outboxReadings }: Gateway, now: number): string {
  const count = plural(missing ?? 0, 'reading');
  // The newest go first after an outage: while it still holds as many, that is what one expects.
  const words = (outboxReadings ?? 0) >= (missing ?? 0) ? `${count} not here yet` : `${count} missing`;
  const age = missingAt === null ? 0 : now - missingAt;
  return age < staleMs ? words : `${words}, ${duration(age)} ago`;
}
