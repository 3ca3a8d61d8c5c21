/** What is done to the processes and their connections: the faults of which the cases are made. */
import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Child } from '@millrace/stack/child.ts';
import type { Proxy } from '@millrace/stack/proxy.ts';
import type { City, Route, ServiceName } from './city.ts';
import { fillDisk } from './disk.ts';
import type { Scene } from './scene.ts';

/** At a moment nobody chose. */
const someMoment = (): Promise<void> => wait(randomInt(300, 1500));

/** Kills and starts again, several times, as whoever watches over the process would. */
export const killed =
  (times: number, which: (scene: Scene) => Child) =>
  async (scene: Scene): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const child = which(scene);
      await scene.fault(
        () => child.kill(),
        () => child.start(),
      );
      await someMoment();
    }
  };

export const service = (name: ServiceName) => (scene: Scene) => scene.city.service(name);

/** What a network can do between two ends: ten cuts, latency for ten seconds, a black hole for fifteen. */
export async function badNetwork(scene: Scene, proxies: readonly Proxy[]): Promise<void> {
  const each = (act: (proxy: Proxy) => void): void => proxies.forEach(act);
  for (let i = 0; i < 10; i++) {
    await scene.fault(async () => each(proxy => proxy.cut()));
    await someMoment();
  }
  await scene.fault(async () => {
    each(proxy => proxy.delay(200));
    await wait(10_000);
    each(proxy => proxy.delay(0));
  });
  await scene.fault(async () => {
    each(proxy => proxy.blackhole(true));
    await wait(15_000);
    // As after a cable is put back: what hung is gone.
    each(proxy => proxy.cut());
    each(proxy => proxy.blackhole(false));
  });
}

/** The answers vanish, then the connection: whatever was asked for has happened, and nobody heard. */
export async function answersLost(scene: Scene, proxies: readonly Proxy[], times = 10): Promise<void> {
  for (let i = 0; i < times; i++) {
    await scene.fault(async () => {
      for (const proxy of proxies) proxy.dropResponses(true);
      await wait(500);
      for (const proxy of proxies) proxy.cut();
      for (const proxy of proxies) proxy.dropResponses(false);
    });
    await someMoment();
  }
}

/** With the service's connections through the proxies while the case runs. */
export const through =
  (name: ServiceName, route: Route, act: (scene: Scene, proxies: readonly Proxy[]) => Promise<void>) =>
  async (scene: Scene): Promise<void> => {
    const { city } = scene;
    await city.route(name, route);
    try {
      await act(scene, route === 'kafka' ? city.kafkaProxies : [city.questdbProxy]);
    } finally {
      await city.route(name, 'direct');
    }
  };

export const frozen =
  (seconds: number, which: (city: City) => readonly Child[]) =>
  (scene: Scene): Promise<void> =>
    scene.fault(async () => {
      for (const child of which(scene.city)) child.freeze();
      await wait(seconds * 1000);
      for (const child of which(scene.city)) child.thaw();
    });

export function brokersKilled(count: number) {
  return async (scene: Scene): Promise<void> => {
    const nodes = scene.city.kafka.nodes.slice(0, count);
    const start = (): Promise<unknown> => Promise.all(nodes.map(node => node.start()));
    const kill = (): Promise<unknown> => Promise.all(nodes.map(node => node.kill()));
    // With two of three left the flow resumes by itself; with one left it cannot, and the clock runs from their start.
    if (count === 1) {
      await scene.fault(kill);
      await start();
    } else
      await scene.fault(async () => {
        await kill();
        await wait(15_000);
      }, start);
    await scene.flows();
  };
}

export async function eachBrokerKilled(scene: Scene): Promise<void> {
  for (const node of scene.city.kafka.nodes) {
    await scene.fault(() => node.kill());
    await node.start();
    await scene.flows();
    // Until it leads again, so that the next kill hits a leader too and never the last copy in sync.
    await wait(10_000);
  }
}

export async function diskFull(scene: Scene, directory: string, server: Child): Promise<void> {
  await scene.fault(
    async () => {
      const empty = fillDisk(directory);
      await wait(20_000);
      empty();
    },
    async () => {
      // What a supervisor does: a server that died of it is started again.
      if (server.state !== 'stopped') await server.stop();
      await server.start();
    },
  );
}

export async function rolling(scene: Scene): Promise<void> {
  const { city, agents } = scene;
  const services = (['sinks', 'processors', 'bridge'] as const).map(name => city.service(name));
  for (const child of [...agents.map(({ child }) => child), ...services, city.questdb, ...city.kafka.nodes]) {
    await scene.fault(
      () => child.stop(),
      () => child.start(),
    );
    await wait(5000);
  }
}
