import { setTimeout as wait } from 'node:timers/promises';
import { AgentAway, ask } from './door.ts';

export interface Reply {
  readonly id: string;
  readonly ok: boolean;
  /** Any JSON. */
  readonly body: unknown;
}

/** As long as whoever sent the command is likely to wait. */
const giveUpAfterMs = 30_000;

/** Resolves once the agent has taken the reply; tries for half a minute while it is away. */
export async function sendReply(socket: string, reply: Reply, deadlineMs = giveUpAfterMs): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (let delayMs = 200; ; delayMs = Math.min(delayMs * 2, 5000)) {
    try {
      await ask(socket, { method: 'POST', path: '/replies', body: reply, timeoutMs: 10_000 });
      return;
    } catch (error) {
      if (!(error instanceof AgentAway) || performance.now() + delayMs > end) throw error;
      await wait(delayMs);
    }
  }
}
