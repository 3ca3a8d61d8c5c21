package io.millrace.example;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import millrace.v1.Alerts.Alert;
import millrace.v1.Readings.Series;
import millrace.v1.Stats.StatsBatch;

/** From results to effects. Nothing here remembers anything: the same record gives the same effects, whenever it comes. */
final class Decisions {
  /** An effect, or the reason why there is none. */
  record Decision(Effect effect, String reason) {}

  static List<Decision> onStats(StatsBatch batch, Settings settings) {
    List<Decision> decisions = new ArrayList<>();
    if (!batch.getWindow().equals(settings.window())) return decisions;
    for (int i = 0; i < batch.getSeriesIndexCount(); i++) {
      Series series = batch.getSeries(batch.getSeriesIndex(i));
      // Early results of a window that is not over would make the lamps flicker.
      if (!series.getMetric().equals(settings.metric()) || !batch.getFinal(i)) continue;
      String what = batch.getGateway() + "/" + series.getSensor() + "/" + series.getMetric();
      String window = batch.getWindow() + "|" + batch.getStartUs(i);
      long expected = batch.getExpected(i);
      double completeness = expected == 0 ? 1 : Math.min(1, (double) batch.getCount(i) / expected);
      if (completeness < settings.leastCompleteness()) {
        decisions.add(new Decision(null, String.format(Locale.ROOT,
            "lamp of %s left as it is: its window %s has %d of %d readings", what, window, batch.getCount(i), expected)));
        continue;
      }
      String body = String.format(Locale.ROOT, "{\"level\":%d,\"startUs\":%d,\"revision\":%d}",
          level(batch.getMean(i), settings), batch.getStartUs(i), batch.getRevision(i));
      String key = what + "|" + window + "|" + batch.getRevision(i);
      decisions.add(new Decision(new Effect("/lamps/" + batch.getGateway(), key, body), null));
    }
    return decisions;
  }

  static Effect onAlert(Alert alert) {
    String key = alert.getId() + "/" + alert.getState();
    String body = "{\"id\":" + quoted(alert.getId()) + ",\"state\":" + quoted(alert.getState().name())
        + ",\"message\":" + quoted(alert.getMessage()) + "}";
    return new Effect("/messages", key, body);
  }

  /** 40 % where hardly anybody is, 100 % where it is busy, and evenly between. */
  static int level(double mean, Settings settings) {
    double share = (mean - settings.quiet()) / (settings.busy() - settings.quiet());
    return (int) Math.round(40 + 60 * Math.min(1, Math.max(0, share)));
  }

  private static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') json.append('\\').append(c);
      else if (c < 0x20) json.append(String.format("\\u%04x", (int) c));
      else json.append(c);
    }
    return json.append('"').toString();
  }

  private Decisions() {}
}
