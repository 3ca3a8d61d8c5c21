import kafkajs, { type PartitionAssigner } from 'kafkajs';

/**
 * Gives each member the same partition numbers of every topic, so that records with one key meet in one process: for
 * topics with equal numbers of partitions. kafkajs's own round robin goes on counting from one topic to the next.
 */
export const coPartitioned: PartitionAssigner = ({ cluster }) => {
  const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
  const name = 'millrace-co-partitioned';
  const userData = Buffer.alloc(0);
  return {
    name,
    version: 0,
    assign: async ({ members, topics }) => {
      const ids = members.map(({ memberId }) => memberId).sort();
      const partitions = topics.map(
        topic => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)] as const,
      );
      return ids.map((memberId, i) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: 0,
          assignment: Object.fromEntries(
            partitions.map(([topic, numbers]) => [
              topic,
              numbers.filter(number => number % ids.length === i).sort((a, b) => a - b),
            ]),
          ),
          userData,
        }),
      }));
    },
    protocol: ({ topics }) => ({ name, metadata: MemberMetadata.encode({ version: 0, topics, userData }) }),
  };
};
