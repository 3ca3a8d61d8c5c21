package io.millrace.bench;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.function.BiConsumer;
import millrace.v1.Readings.ReadingBatch;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.InternalFixedKeyRecordFactory;
import org.apache.kafka.streams.processor.api.Record;

/**
 * A batch of a gateway becomes its readings, keyed by sensor.
 *
 * <p>All readings of a sensor are in its gateway's partition already. So a FixedKeyProcessor does it, which Streams does not
 * follow by a repartition topic as it would flatMap: that topic would cost Streams about as much again.
 */
final class Unpack implements FixedKeyProcessor<Bytes, ReadingBatch, Reading> {
  private FixedKeyProcessorContext<Bytes, Reading> context;

  @Override
  public void init(FixedKeyProcessorContext<Bytes, Reading> context) {
    this.context = context;
  }

  @Override
  public void process(FixedKeyRecord<Bytes, ReadingBatch> record) {
    forEach(
        record.value(),
        (sensor, reading) ->
            context.forward(
                InternalFixedKeyRecordFactory.create(
                    new Record<>(sensor, reading, Math.floorDiv(reading.timeUs(), 1000L), record.headers()))));
  }

  /** Each reading with its sensor, {@code gateway/sensor}, in the batch's order. */
  static void forEach(ReadingBatch batch, BiConsumer<Bytes, Reading> each) {
    ByteString gateway = batch.getGatewayBytes();
    byte[] start = new byte[gateway.size() + 1];
    gateway.copyTo(start, 0);
    start[start.length - 1] = '/';
    Bytes[] sensors = new Bytes[batch.getSeriesCount()];
    for (int i = 0; i < sensors.length; i++) {
      ByteString sensor = batch.getSeries(i).getSensorBytes();
      byte[] key = java.util.Arrays.copyOf(start, start.length + sensor.size());
      sensor.copyTo(key, start.length);
      sensors[i] = Bytes.wrap(key);
    }
    long timeUs = 0;
    for (int i = 0; i < batch.getValueCount(); i++) {
      timeUs += batch.getTimeUs(i);
      each.accept(sensors[batch.getSeriesIndex(i)], new Reading(timeUs, batch.getValue(i)));
    }
  }

  static ReadingBatch parse(byte[] bytes) {
    try {
      return ReadingBatch.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not a ReadingBatch", e);
    }
  }
}
