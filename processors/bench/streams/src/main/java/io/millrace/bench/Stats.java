package io.millrace.bench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Statistics of one sensor's window. Fixed layout of 48 bytes, big-endian: count (int64), sum, min, max, mean, and the sum
 * of squared deviations (Welford 1962), each a double. The sample variance is the last one over count − 1.
 */
final class Stats {
  private static final int SIZE_BYTES = 48;

  private long count;
  private double sum;
  private double min = Double.POSITIVE_INFINITY;
  private double max = Double.NEGATIVE_INFINITY;
  private double mean;
  private double m2;

  /** Takes the value in, in place: the state store holds bytes, never this object. */
  Stats add(double value) {
    count++;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
    double delta = value - mean;
    mean += delta / count;
    m2 += delta * (value - mean);
    return this;
  }

  private static byte[] serialize(Stats stats) {
    return ByteBuffer.allocate(SIZE_BYTES)
        .putLong(stats.count)
        .putDouble(stats.sum)
        .putDouble(stats.min)
        .putDouble(stats.max)
        .putDouble(stats.mean)
        .putDouble(stats.m2)
        .array();
  }

  private static Stats deserialize(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    Stats stats = new Stats();
    stats.count = buffer.getLong();
    stats.sum = buffer.getDouble();
    stats.min = buffer.getDouble();
    stats.max = buffer.getDouble();
    stats.mean = buffer.getDouble();
    stats.m2 = buffer.getDouble();
    return stats;
  }

  static Serde<Stats> serde() {
    Serializer<Stats> to = (topic, stats) -> stats == null ? null : serialize(stats);
    Deserializer<Stats> from = (topic, bytes) -> bytes == null ? null : deserialize(bytes);
    return Serdes.serdeFrom(to, from);
  }
}
