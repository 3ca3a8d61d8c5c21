package io.millrace.example;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The lamps' controller, over HTTP. An effect is put until it is taken: meanwhile nothing is committed, and nothing is lost. */
final class Controller {
  /** The program ends: what is not put comes again. */
  static final class Stopped extends RuntimeException {}

  private static final long MOST_PAUSE_MS = 5000;

  private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final URI base;
  private final CountDownLatch stopping = new CountDownLatch(1);

  Controller(URI base) {
    this.base = base;
  }

  void stop() {
    stopping.countDown();
  }

  void put(Effect effect) throws InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(base.resolve(effect.path()))
        .timeout(Duration.ofSeconds(10))
        .header("content-type", "application/json")
        .header("idempotency-key", effect.key())
        .PUT(BodyPublishers.ofString(effect.body()))
        .build();
    for (long pauseMs = 100; ; pauseMs = Math.min(MOST_PAUSE_MS, 2 * pauseMs)) {
      String trouble;
      try {
        int status = http.send(request, BodyHandlers.discarding()).statusCode();
        if (status < 300) return;
        if (status < 500 && status != 429) {
          LampDimmer.say("left out " + effect.key() + ": the controller answered " + status);
          return;
        }
        trouble = "it answered " + status;
      } catch (IOException error) {
        trouble = error.toString();
      }
      if (pauseMs == 100) LampDimmer.say("the controller does not take " + effect.key() + ": " + trouble + "; trying until it does");
      if (stopping.await(pauseMs, TimeUnit.MILLISECONDS)) throw new Stopped();
    }
  }
}
