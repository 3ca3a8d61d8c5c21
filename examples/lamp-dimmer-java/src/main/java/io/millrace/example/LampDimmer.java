package io.millrace.example;

import com.google.protobuf.InvalidProtocolBufferException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import millrace.v1.Alerts.Alert;
import millrace.v1.Stats.StatsBatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Dims the lamps of quiet streets, and passes alerts on. Reads, acts, and only then commits: docs/writing-a-service.md. */
public final class LampDimmer {
  public static void main(String[] args) throws InterruptedException {
    Settings settings = Settings.fromEnvironment(System.getenv());
    CountDownLatch stopped = new CountDownLatch(1);
    try (KafkaConsumer<String, byte[]> consumer = open(settings)) {
      Controller controller = new Controller(settings.controller());
      Runtime.getRuntime().addShutdownHook(new Thread(() -> {
        controller.stop();
        consumer.wakeup(); // The only method of a consumer that another thread may call.
        await(stopped);
      }));
      consumer.subscribe(List.of(settings.statsTopic(), settings.alertsTopic()));
      say("reads " + settings.statsTopic() + " and " + settings.alertsTopic() + " as group " + settings.group());
      run(consumer, settings, controller);
    } catch (WakeupException | Controller.Stopped end) {
      say("stopped; what was not committed comes again after the next start");
    } finally {
      stopped.countDown();
    }
  }

  private static KafkaConsumer<String, byte[]> open(Settings settings) {
    Map<String, Object> properties = Map.of(
        "bootstrap.servers", settings.brokers(),
        "group.id", settings.group(),
        "isolation.level", "read_committed", // Results of aborted transactions are none.
        "enable.auto.commit", "false", // After the act, not after a time.
        "auto.offset.reset", "earliest",
        "session.timeout.ms", "10000", // The partitions of a killed one wait so long for their next owner.
        "max.poll.records", 50);
    return new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer());
  }

  private static void run(KafkaConsumer<String, byte[]> consumer, Settings settings, Controller controller)
      throws InterruptedException {
    while (true) {
      for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
        act(record, settings, controller);
        consumer.commitSync(Map.of(
            new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1)));
      }
    }
  }

  private static void act(ConsumerRecord<String, byte[]> record, Settings settings, Controller controller)
      throws InterruptedException {
    if (record.value() == null) return; // A tombstone: topics that are compacted have them.
    try {
      if (record.topic().equals(settings.alertsTopic())) {
        controller.put(Decisions.onAlert(Alert.parseFrom(record.value())));
      } else {
        for (Decisions.Decision decision : Decisions.onStats(StatsBatch.parseFrom(record.value()), settings)) {
          if (decision.effect() == null) say(decision.reason());
          else controller.put(decision.effect());
        }
      }
    } catch (InvalidProtocolBufferException error) {
      // It will never be readable; waiting for it would stop every lamp.
      say("left out " + record.topic() + " " + record.partition() + " " + record.offset() + ": " + error.getMessage());
    }
  }

  static void say(String sentence) {
    System.err.println(sentence);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  private LampDimmer() {}
}
