package io.millrace.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes the readings of a topic of batches into another topic, each as a record of its own, so that both hold the same.
 * In order of time over all gateways: a partition in which one gateway came after the other would have late readings.
 */
final class Fill {
  private Fill() {}

  /** Bytes as they came: parsed, all of them at once would not fit the heap. */
  private record Sealed(long timeUs, byte[] bytes) {}

  static void run(Options options) {
    List<Sealed> batches = readAll(options.get("brokers"), options.get("input"));
    batches.sort(Comparator.comparingLong(Sealed::timeUs));
    AtomicReference<Exception> failed = new AtomicReference<>();
    try (var producer = new KafkaProducer<byte[], byte[]>(producerProperties(options.get("brokers")))) {
      for (Sealed batch : batches) {
        Unpack.forEach(
            Unpack.parse(batch.bytes()),
            (sensor, reading) ->
                producer.send(
                    new ProducerRecord<>(options.get("output"), sensor.get(), reading.serialize()),
                    (metadata, error) -> failed.compareAndSet(null, error)));
      }
    }
    if (failed.get() != null) throw new IllegalStateException("a reading was not stored", failed.get());
  }

  private static List<Sealed> readAll(String brokers, String topic) {
    List<Sealed> batches = new ArrayList<>();
    Properties properties = new Properties();
    properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    try (var consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (PartitionInfo info : consumer.partitionsFor(topic))
        partitions.add(new TopicPartition(topic, info.partition()));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition)))
        consumer
            .poll(Duration.ofMillis(200))
            .forEach(record -> batches.add(new Sealed(Unpack.parse(record.value()).getTimeUs(0), record.value())));
    }
    return batches;
  }

  /** Compressed as the batches are. */
  private static Properties producerProperties(String brokers) {
    Properties properties = new Properties();
    properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    properties.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    properties.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "zstd");
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, 256 * 1024);
    properties.put(ProducerConfig.LINGER_MS_CONFIG, 20);
    return properties;
  }
}
