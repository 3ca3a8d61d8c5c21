/** The faults, each on real processes under load. One list: the suite runs all of it, `npm test` a few. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  answersLost,
  badNetwork,
  brokersKilled,
  diskFull,
  eachBrokerKilled,
  frozen,
  killed,
  rolling,
  service,
  through,
} from './acts.ts';
import { clockEnv, setClock } from './clock.ts';
import type { Case } from './scene.ts';
import { twins } from './twins.ts';

const base = { kafkaNodes: 3 } as const;

export const cases: readonly Case[] = [
  { ...base, name: 'none', title: 'none', seconds: 60, run: async () => {} },
  {
    ...base,
    name: 'agent-killed',
    title: 'kill −9 of the agent',
    seconds: 60,
    run: killed(5, scene => scene.agents[0]!.child),
  },
  { ...base, name: 'bridge-killed', title: 'kill −9 of the bridge', seconds: 400, run: killed(100, service('bridge')) },
  { ...base, name: 'sinks-killed', title: 'kill −9 of the sinks', seconds: 90, run: killed(5, service('sinks')) },
  {
    ...base,
    name: 'processors-killed',
    title: 'kill −9 of the processors',
    seconds: 60,
    run: killed(5, service('processors')),
  },
  {
    ...base,
    name: 'questdb-killed',
    title: 'kill −9 of QuestDB in mid-flush',
    seconds: 60,
    run: killed(5, ({ city }) => city.questdb),
  },
  {
    ...base,
    name: 'broker-killed',
    title: 'kill −9 of one of three Kafka brokers (not its start again)',
    seconds: 60,
    run: brokersKilled(1),
  },
  {
    ...base,
    name: 'leaders-killed',
    title: 'kill −9 of each of three brokers in turn, a leader every time',
    seconds: 150,
    run: eachBrokerKilled,
  },
  {
    ...base,
    name: 'two-brokers-killed',
    title: 'kill −9 of two of three brokers, back after 15 s',
    seconds: 90,
    run: brokersKilled(2),
  },
  {
    ...base,
    name: 'kafka-frozen',
    title: 'SIGSTOP of all of Kafka for 60 s',
    seconds: 90,
    run: frozen(60, city => city.kafka.nodes),
  },
  {
    ...base,
    name: 'questdb-frozen',
    title: 'SIGSTOP of QuestDB for 60 s',
    seconds: 90,
    run: frozen(60, city => [city.questdb]),
  },
  {
    ...base,
    name: 'questdb-down',
    title: 'QuestDB down for 10 minutes',
    seconds: 640,
    run: scene => {
      const { questdb } = scene.city;
      return scene.fault(async () => {
        await questdb.stop();
        await wait(600_000);
        await questdb.start();
      });
    },
  },
  {
    ...base,
    name: 'net-mqtt',
    title: 'cuts, latency, black hole: agent ↔ bridge',
    seconds: 90,
    run: scene => badNetwork(scene, [scene.city.mqttProxy]),
  },
  {
    ...base,
    name: 'net-bridge',
    title: 'cuts, latency, black hole: bridge ↔ Kafka',
    seconds: 120,
    run: through('bridge', 'kafka', badNetwork),
  },
  {
    ...base,
    name: 'net-processors',
    title: 'cuts, latency, black hole: processors ↔ Kafka',
    seconds: 120,
    run: through('processors', 'kafka', badNetwork),
  },
  {
    ...base,
    name: 'net-sinks',
    title: 'cuts, latency, black hole: sinks ↔ Kafka',
    seconds: 120,
    run: through('sinks', 'kafka', badNetwork),
  },
  {
    ...base,
    name: 'net-questdb',
    title: 'cuts, latency, black hole: sinks ↔ QuestDB',
    seconds: 120,
    run: through('sinks', 'questdb', badNetwork),
  },
  {
    ...base,
    name: 'answers-mqtt',
    title: 'PUBACKs lost, then cut',
    seconds: 60,
    run: scene => answersLost(scene, [scene.city.mqttProxy]),
  },
  {
    ...base,
    name: 'answers-bridge',
    title: "Kafka's answers lost after the append, then cut",
    seconds: 90,
    run: through('bridge', 'kafka', answersLost),
  },
  {
    ...base,
    name: 'answers-questdb',
    title: "QuestDB's 204s lost, then cut",
    seconds: 60,
    run: through('sinks', 'questdb', answersLost),
  },
  {
    ...base,
    name: 'rolling',
    title: 'rolling restart of everything, in order, by SIGTERM',
    seconds: 150,
    run: rolling,
  },
  {
    ...base,
    name: 'clock',
    title: "a gateway's clock set back an hour, then forward a day",
    seconds: 40,
    replay: { as: 'now' },
    agentEnv: clockEnv,
    run: async scene => {
      for (const hours of [-1, 24, 0])
        await scene.fault(() => setClock(scene.city, scene.agents[0]!.child, hours * 3_600_000));
    },
  },
  {
    ...base,
    name: 'twins',
    title: 'the same PUBLISH five times, with DUP; readings of one instant with different seq',
    seconds: 30,
    run: twins,
  },
  {
    kafkaNodes: 1,
    diskMb: { kafka: 400 },
    name: 'kafka-disk',
    title: "Kafka's disk full, then not",
    seconds: 90,
    run: scene => {
      const [node] = scene.city.kafka.nodes;
      return diskFull(scene, join(scene.city.home, 'kafka-1'), node!);
    },
  },
  {
    kafkaNodes: 1,
    diskMb: { questdb: 600 },
    name: 'questdb-disk',
    title: "QuestDB's disk full, then not",
    seconds: 90,
    run: scene => diskFull(scene, join(scene.city.home, 'questdb'), scene.city.questdb),
  },
];

/** For `npm test`: one server each, seconds instead of minutes. The pipeline's test kills the other processes. */
export const shortCases: readonly Case[] = [
  {
    name: 'agent-killed',
    title: 'kill −9 of the agent',
    kafkaNodes: 1,
    seconds: 12,
    run: killed(1, ({ agents }) => agents[0]!.child),
  },
  {
    name: 'answers-mqtt',
    title: 'PUBACKs lost',
    kafkaNodes: 1,
    seconds: 12,
    run: scene => answersLost(scene, [scene.city.mqttProxy], 2),
  },
  { name: 'twins', title: 'DUP and equal instants', kafkaNodes: 1, seconds: 10, run: twins },
];
