/**
 * The one place that pins what the local stack runs. `pom.xml` takes these as -D properties, `compose.yaml` names the
 * same ones (a test compares), `artifacts.lock.json` fixes the bytes. After a change: `node stack/scripts/lock.ts`.
 */
export const versions = {
  kafka: '4.3.1',
  /** The binding Kafka's logging needs at run time; 4.x of slf4j is incomplete as a Maven artifact set. */
  log4j: '2.25.4',
  questdb: '9.3.4',
  mavenDependencyPlugin: '3.8.1',
  /** Lowest Java that both servers start on. */
  javaMajor: 17,
} as const;
