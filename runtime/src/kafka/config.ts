import { z } from 'zod';

const hostPort = z
  .string()
  .regex(/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$/, 'must be host:port, like kafka-1.example.org:9092');

/** Section `kafka` of the configuration: where Kafka is, and how our topics are made there. */
export const kafkaSchema = z.strictObject({
  brokers: z
    // A list, or in the environment `a:9092,b:9092`.
    .preprocess(value => (typeof value === 'string' ? value.split(/\s*,\s*/) : value), z.array(hostPort).min(1))
    .default(['127.0.0.1:9092'])
    .describe('Brokers to start from, host:port. The local stack when left out.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,100}$/, 'may hold A-Z a-z 0-9 . _ -, at most 100')
    .default('millrace.')
    .describe('Begins the name of every topic and consumer group of ours.'),
  partitions: z
    .int()
    .min(1)
    .max(1000)
    .default(12)
    .describe('Partitions of a new topic: the ceiling for replicas of processors and sinks.'),
  replicationFactor: z
    .int()
    .min(0)
    .max(9)
    .default(0)
    .describe("Copies of each partition of a new topic; 0 takes the broker's default."),
  clientId: z.string().min(1).max(100).default('millrace').describe('Names us in the logs and quotas of the brokers.'),
  ssl: z
    .union([
      z.boolean(),
      z.strictObject({
        ca: z.string().optional().describe('PEM of the authority that signed the brokers.'),
        cert: z.string().optional().describe('PEM of our certificate, for mutual TLS.'),
        key: z.string().optional().describe('PEM of its key.'),
        rejectUnauthorized: z.boolean().optional().describe('false accepts any certificate: for experiments only.'),
      }),
    ])
    .optional()
    .describe('TLS to the brokers: true for the system authorities, or PEMs.'),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: z.string().min(1),
      password: z.string(),
    })
    .optional()
    .describe('User name and password for the brokers.'),
});

export type KafkaConfig = z.output<typeof kafkaSchema>;
