package io.millrace.bench;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;

/** Deletes the topics of a run that has ended, whose names begin with its own, so that every run meets the same broker. */
final class Clean {
  private Clean() {}

  static void run(Options options) {
    String prefix = options.get("prefix");
    try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("brokers")))) {
      List<String> topics = admin.listTopics().names().get().stream().filter(name -> name.startsWith(prefix)).toList();
      admin.deleteTopics(topics).all().get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("the topics " + prefix + "… were not deleted", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
