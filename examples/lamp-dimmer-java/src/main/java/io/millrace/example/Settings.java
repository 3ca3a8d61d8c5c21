package io.millrace.example;

import java.net.URI;
import java.util.Map;

/** What the environment says; the same names as in the TypeScript example. */
record Settings(
    String brokers,
    String statsTopic,
    String alertsTopic,
    String group,
    URI controller,
    String metric,
    String window,
    double quiet,
    double busy,
    double leastCompleteness) {

  static Settings fromEnvironment(Map<String, String> env) {
    String prefix = env.getOrDefault("TOPIC_PREFIX", "millrace.");
    return new Settings(
        env.getOrDefault("BROKERS", "127.0.0.1:9092"),
        prefix + "stats.v1",
        prefix + "alerts.v1",
        env.getOrDefault("GROUP", "lamp-dimmer"),
        URI.create(env.getOrDefault("CONTROLLER", "http://127.0.0.1:8090")),
        env.getOrDefault("METRIC", "vehicles"),
        env.getOrDefault("WINDOW", "5m/1m"),
        Double.parseDouble(env.getOrDefault("QUIET", "2")),
        Double.parseDouble(env.getOrDefault("BUSY", "12")),
        Double.parseDouble(env.getOrDefault("LEAST_COMPLETENESS", "0.8")));
  }
}
