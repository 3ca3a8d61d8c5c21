/** The gateways as cards; one chosen narrows the table to its series. */
import type { Gateway } from '../src/answers.ts';
import { make, setText } from './dom.ts';
import { clockTime, duration } from './format.ts';

interface Card {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly site: HTMLElement;
  readonly state: HTMLElement;
  readonly seen: HTMLElement;
  readonly outbox: HTMLElement;
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
    const [site, state, seen, outbox] = [
      make('span', 'site'),
      make('span', 'state'),
      make('span', 'seen'),
      make('span', 'outbox'),
    ];
    const button = make(
      'button',
      'card',
      make('span', 'line', make('span', 'id', id), state),
      site,
      make('span', 'line', seen, outbox),
    );
    button.type = 'button';
    button.addEventListener('click', () => this.#onToggle(id));
    return { item: make('li', '', button), button, site, state, seen, outbox };
  }
}

function fill(
  { button, site, state, seen, outbox }: Card,
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
}

function outboxText({ outboxReadings, dropped }: Gateway): string {
  if (outboxReadings === null) return '';
  const waiting = outboxReadings === 0 ? 'outbox empty' : `${outboxReadings.toLocaleString('en')} in outbox`;
  return dropped ? `${waiting}, ${dropped.toLocaleString('en')} dropped` : waiting;
}
