package io.millrace.bench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/** A single reading. Fixed layout of 16 bytes, big-endian: µs since the Unix epoch (int64), value (double). */
record Reading(long timeUs, double value) {
  static final int SIZE_BYTES = 16;

  byte[] serialize() {
    return ByteBuffer.allocate(SIZE_BYTES).putLong(timeUs).putDouble(value).array();
  }

  private static Reading deserialize(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new Reading(buffer.getLong(), buffer.getDouble());
  }

  static Serde<Reading> serde() {
    Serializer<Reading> to = (topic, reading) -> reading == null ? null : reading.serialize();
    Deserializer<Reading> from = (topic, bytes) -> bytes == null ? null : deserialize(bytes);
    return Serdes.serdeFrom(to, from);
  }
}
