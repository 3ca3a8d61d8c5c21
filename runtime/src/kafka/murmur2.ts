const M = 0x5bd1e995;
const SEED = 0x9747b28c;

/** The partition Java's default partitioner gives to a key: murmur2 of its UTF-8 bytes (`Utils.murmur2`), without its sign. */
export function partitionOfKey(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

/** @returns int32. kafkajs has it too, over big integers, in microseconds a key. */
function murmur2(bytes: Buffer): number {
  let hash = SEED ^ bytes.length;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), M);
    word ^= word >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(word, M);
  }
  if (at < bytes.length) {
    for (let i = bytes.length - 1; i >= at; i--) hash ^= (bytes[i] ?? 0) << (8 * (i - at));
    hash = Math.imul(hash, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}
