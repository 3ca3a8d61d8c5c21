import { z } from 'zod';

const port = z.int().min(0).max(65_535);
const jit = z.enum(['full', 'quick']);

/** The section `stack`: the servers that `millrace up` runs on this machine. Ports may be 0: any free one. */
export const stackSchema = z.strictObject({
  /** Data, logs and the lock; MILLRACE_HOME wins over it. */
  home: z.string().min(1).default('.millrace'),
  /** 0: none here, an existing Kafka is used. 3: replication 3, min in-sync replicas 2. */
  kafkaNodes: z.union([z.literal(0), z.literal(1), z.literal(3)]).default(1),
  /** Of the first node; the others take the next ones. */
  kafkaPort: port.default(9092),
  kafkaHeapMb: z.int().min(128).default(512),
  /** `quick` starts with half the CPU; figures for both servers in docs/decisions/0002-local-stack.md. */
  kafkaJit: jit.default('quick'),
  /** false: none here, an existing QuestDB is used. */
  questdb: z.boolean().default(true),
  questdbHttpPort: port.default(9000),
  questdbPgPort: port.default(8812),
  /** Health check and Prometheus metrics. */
  questdbHealthPort: port.default(9003),
  questdbHeapMb: z.int().min(128).default(512),
  questdbJit: jit.default('full'),
  /** Account for HTTP and PostgreSQL, both or none. */
  questdbUser: z.string().min(1).optional(),
  questdbPassword: z.string().min(1).optional(),
});
