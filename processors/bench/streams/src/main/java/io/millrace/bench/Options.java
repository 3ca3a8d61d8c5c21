package io.millrace.bench;

import java.util.HashMap;
import java.util.Map;

/** {@code --name value …}, all of them needed. */
final class Options {
  private final Map<String, String> values = new HashMap<>();

  Options(String[] args, int from) {
    for (int i = from; i + 1 < args.length; i += 2) {
      if (!args[i].startsWith("--")) throw new IllegalArgumentException(args[i] + " is no option");
      values.put(args[i].substring(2), args[i + 1]);
    }
  }

  String get(String name) {
    String value = values.get(name);
    if (value == null) throw new IllegalArgumentException("--" + name + " is missing");
    return value;
  }
}
