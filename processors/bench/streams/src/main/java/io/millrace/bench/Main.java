package io.millrace.bench;

/**
 * {@code run} with the options of {@link WindowStats}, {@code fill --brokers B --input BATCHES --output SINGLES}, or {@code
 * clean --brokers B --prefix P}.
 */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    Options options = new Options(args, 1);
    switch (args[0]) {
      case "run" -> WindowStats.run(options);
      case "fill" -> Fill.run(options);
      case "clean" -> Clean.run(options);
      default -> throw new IllegalArgumentException("the first word is run, fill or clean");
    }
  }
}
