package orders;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import io.pyroscope.javaagent.EventType;
import io.pyroscope.javaagent.PyroscopeAgent;
import io.pyroscope.javaagent.config.Config;
import io.pyroscope.javaagent.impl.DefaultLogger;
import io.pyroscope.javaagent.impl.PyroscopeExporter;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * A Lambda function that takes orders, under the Pyroscope SDK for Java: uneven work, for the end-to-end tests.
 *
 * <p>PYROSCOPE_SERVER_ADDRESS says where profiles go, UPLOAD_SECONDS how often, FLUSH=true sends them in
 * every invocation.
 */
public final class Orders implements RequestHandler<Map<String, Integer>, Map<String, Long>> {
  /** Only with FLUSH=true. */
  private static Uploads uploads;

  static {
    Config config =
        new Config.Builder()
            .setApplicationName("orders/java")
            .setServerAddress(variable("PYROSCOPE_SERVER_ADDRESS", "http://localhost:4040"))
            .setLabels(Map.of("region", "local", "team", "checkout"))
            .setProfilingEvent(EventType.ITIMER)
            .setUploadInterval(Duration.ofSeconds(Long.parseLong(variable("UPLOAD_SECONDS", "2"))))
            .build();
    PyroscopeAgent.Options.Builder options = new PyroscopeAgent.Options.Builder(config);
    if (variable("FLUSH", "false").equals("true")) {
      uploads = new Uploads(new PyroscopeExporter(config, DefaultLogger.PRECONFIG_LOGGER));
      options.setScheduler(uploads);
      // Lambda sends SIGTERM before the environment ends.
      Runtime.getRuntime().addShutdownHook(new Thread(uploads::flush));
    }
    PyroscopeAgent.start(options.build());
  }

  private static String variable(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  @Override
  public Map<String, Long> handleRequest(Map<String, Integer> order, Context context) {
    long start = System.nanoTime();
    long work = Duration.ofMillis(order.get("work_ms")).toNanos();
    Map<String, Long> receipt =
        Map.of(
            "total_cents", priceBasket(start + work * 60 / 100),
            "printed_bytes", renderReceipt(start + work * 85 / 100),
            "missing", checkStock(start + work));
    if (uploads != null) {
      uploads.flush();
    }
    return receipt;
  }

  private static long priceBasket(long until) {
    long total = 0;
    while (System.nanoTime() < until) {
      for (int article = 0; article < 20_000; article++) {
        total += article * 97 % 9900;
      }
    }
    return total;
  }

  private static long renderReceipt(long until) {
    long printed = 0;
    while (System.nanoTime() < until) {
      StringBuilder receipt = new StringBuilder();
      for (int article = 0; article < 500; article++) {
        receipt.append(article).append("  ").append(article * 7).append(".99\n");
      }
      printed = receipt.length();
    }
    return printed;
  }

  private static long checkStock(long until) {
    Map<Integer, Integer> warehouse = new HashMap<>();
    for (int article = 0; article < 2000; article++) {
      warehouse.put(article, article % 7);
    }
    long missing = 0;
    while (System.nanoTime() < until) {
      for (int article = 0; article < 500; article++) {
        if (!warehouse.containsKey(article)) {
          missing++;
        }
      }
    }
    return missing;
  }
}
