import type { PartitionMetadata } from 'kafkajs';
import { InvariantError } from '../errors.ts';
import type { FetchedMessage } from './aborted.ts';
import type { Client } from './client.ts';

/**
 * What lies below kafkajs's producer and consumer: connections to brokers (with TLS, SASL and versions), metadata, and
 * requests. Used where those two do more than they should.
 */
export interface Cluster {
  connect(): Promise<void>;
  /** Asks for the metadata of these topics, unless it is known. */
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  /** Asks again when it is older than five minutes. */
  refreshMetadataIfNecessary(): Promise<void>;
  /** Connected. Asks for the metadata again when it fails. */
  findBroker(broker: { readonly nodeId: number }): Promise<Broker>;
  /** Empty for an unknown topic. */
  findTopicPartitionMetadata(topic: string): PartitionMetadata[];
  /** Partitions by the id of their leader. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>;
  /** First offset, or end (high watermark), of each partition. */
  fetchTopicsOffset(
    topics: readonly (OfTopic<{ partition: number }> & { readonly fromBeginning: boolean })[],
  ): Promise<readonly OfTopic<{ partition: number; offset: string }>[]>;
  readonly brokerPool: { findConnectedBroker(): Promise<Broker> };
}

/** A producer in its transactions. */
export interface Producing {
  readonly transactionalId: string;
  readonly producerId: string;
  readonly producerEpoch: number;
}

interface OfTopic<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

/** Each request rejects when the answer has an error: `protocolErrorOf` names it. */
export interface Broker {
  readonly nodeId: number;
  /** A request of our own making. */
  readonly connectionPool: {
    send<Answer>(protocol: {
      readonly request: {
        readonly apiKey: number;
        readonly apiVersion: number;
        readonly apiName: string;
        encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
      };
      readonly response: { decode(raw: Buffer): Promise<Answer>; parse(decoded: Answer): Promise<Answer> };
    }): Promise<Answer>;
  };
  findGroupCoordinator(of: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
  initProducerId(of: {
    readonly transactionalId: string;
    readonly transactionTimeout: number;
  }): Promise<Omit<Producing, 'transactionalId'>>;
  addPartitionsToTxn(of: Producing & { readonly topics: readonly OfTopic<number>[] }): Promise<unknown>;
  addOffsetsToTxn(of: Producing & { readonly groupId: string }): Promise<unknown>;
  txnOffsetCommit(
    of: Producing & {
      readonly groupId: string;
      readonly topics: readonly OfTopic<{ partition: number; offset: string; metadata: string }>[];
    },
  ): Promise<unknown>;
  endTxn(of: Producing & { readonly transactionResult: boolean }): Promise<unknown>;
  fetch(of: {
    readonly replicaId: number;
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly OfTopic<{ partition: number; fetchOffset: string; maxBytes: number }>[];
  }): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly { readonly partition: number; readonly messages: readonly FetchedMessage[] }[];
    }[];
  }>;
  offsetFetch(of: { readonly groupId: string; readonly topics: readonly OfTopic<{ partition: number }>[] }): Promise<{
    readonly responses: readonly OfTopic<{ partition: number; offset: string; metadata: string | null }>[];
  }>;
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';
const METADATA_MAX_AGE_MS = 300_000;

/** The cluster as this client sees it, on connections that are the client's to end. No I/O. */
export function clusterOf({ kafka }: Client): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  if (!symbol) throw new InvariantError(`kafkajs has no ${CREATE_CLUSTER}`);
  const create = Reflect.get(kafka, symbol) as (options: object) => Cluster;
  return create({ allowAutoTopicCreation: false, metadataMaxAge: METADATA_MAX_AGE_MS });
}
