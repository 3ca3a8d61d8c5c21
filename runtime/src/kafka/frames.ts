const SIZE_BYTES = 4;
/** Kafka's own limit for what it sends at once is far below (fetch.max.bytes 55 MB, socket.request.max.bytes 100 MB). */
const MAX_FRAME_BYTES = 512 * 1024 * 1024;

/**
 * Passes on only whole answers of the Kafka protocol (each is an int32 size and that many bytes); what a cut connection
 * leaves of one is forgotten with its socket.
 *
 * kafkajs keeps half an answer when the connection ends and reads the first bytes of the next connection as the rest
 * of it. The error this gives is thrown in a socket's event handler and ends the process (tulios/kafkajs#715).
 *
 * @throws {RangeError} for a size that no broker sends: the stream is broken.
 */
export function wholeAnswers(pass: (answers: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let sizeBytes = 0;
  let neededBytes = SIZE_BYTES;
  return chunk => {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes < neededBytes) return;
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, sizeBytes);
    let end = 0;
    neededBytes = SIZE_BYTES;
    while (bytes.length - end >= SIZE_BYTES) {
      const frameBytes = SIZE_BYTES + bytes.readInt32BE(end);
      if (frameBytes < SIZE_BYTES || frameBytes > MAX_FRAME_BYTES) throw new RangeError('not the Kafka protocol');
      if (bytes.length - end < frameBytes) {
        neededBytes = frameBytes;
        break;
      }
      end += frameBytes;
    }
    chunks = end < bytes.length ? [bytes.subarray(end)] : [];
    sizeBytes = bytes.length - end;
    if (end > 0) pass(end < bytes.length ? bytes.subarray(0, end) : bytes);
  };
}
