package io.millrace.bench;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import millrace.v1.Readings.ReadingBatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;

/**
 * One-minute tumbling windows per sensor in event time, with a grace of five minutes, exactly once.
 *
 * <p>Output: key = {@code gateway/sensor@start of the window in µs since the Unix epoch}; value = {@link Stats}.
 */
final class WindowStats {
  private static final Duration WINDOW = Duration.ofMinutes(1);
  private static final Duration GRACE = Duration.ofMinutes(5);
  private static final long CACHE_BYTES = 64L * 1024 * 1024;

  private WindowStats() {}

  static void run(Options options) {
    StreamsBuilder builder = new StreamsBuilder();
    readings(builder, options)
        .groupByKey(Grouped.with(Serdes.Bytes(), Reading.serde()))
        .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
        .aggregate(
            Stats::new,
            (sensor, reading, stats) -> stats.add(reading.value()),
            Materialized.with(Serdes.Bytes(), Stats.serde()))
        .toStream((window, stats) -> outputKey(window))
        .to(options.get("output"), Produced.with(Serdes.Bytes(), Stats.serde()));

    KafkaStreams streams = new KafkaStreams(builder.build(), properties(options));
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.ERROR) Runtime.getRuntime().halt(1);
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
    streams.start();
  }

  private static KStream<Bytes, Reading> readings(StreamsBuilder builder, Options options) {
    String input = options.get("input");
    return switch (options.get("form")) {
      case "single" ->
          builder.stream(
              input,
              Consumed.with(Serdes.Bytes(), Reading.serde())
                  .withTimestampExtractor(
                      (record, partitionTime) -> Math.floorDiv(((Reading) record.value()).timeUs(), 1000L)));
      case "batches" ->
          builder.stream(
                  input,
                  Consumed.with(Serdes.Bytes(), batchSerde())
                      .withTimestampExtractor(
                          (record, partitionTime) ->
                              Math.floorDiv(((ReadingBatch) record.value()).getTimeUs(0), 1000L)))
              .processValues(Unpack::new);
      default -> throw new IllegalArgumentException("--form is single or batches");
    };
  }

  private static Serde<ReadingBatch> batchSerde() {
    Deserializer<ReadingBatch> from = (topic, bytes) -> Unpack.parse(bytes);
    return Serdes.serdeFrom((topic, batch) -> batch.toByteArray(), from);
  }

  private static Bytes outputKey(Windowed<Bytes> window) {
    String sensor = new String(window.key().get(), StandardCharsets.UTF_8);
    return Bytes.wrap((sensor + '@' + window.window().start() * 1000).getBytes(StandardCharsets.UTF_8));
  }

  private static Properties properties(Options options) {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, options.get("application"));
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("brokers"));
    properties.put(StreamsConfig.STATE_DIR_CONFIG, options.get("state"));
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, options.get("commit-ms"));
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    properties.put(
        StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG,
        switch (options.get("store")) {
          case "rocksdb" -> BuiltInDslStoreSuppliers.RocksDBDslStoreSuppliers.class;
          case "memory" -> BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class;
          default -> throw new IllegalArgumentException("--store is rocksdb or memory");
        });
    properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    return properties;
  }
}
