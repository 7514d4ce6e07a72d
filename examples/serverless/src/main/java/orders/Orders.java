package orders;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import io.pyroscope.javaagent.EventType;
import io.pyroscope.javaagent.PyroscopeAgent;
import io.pyroscope.javaagent.config.Config;
import io.pyroscope.javaagent.impl.DefaultLogger;
import io.pyroscope.javaagent.impl.PyroscopeExporter;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** Takes orders, profiled. */
public final class Orders implements RequestHandler<Orders.Order, Orders.Receipt> {
  private static final Duration EVERY = Duration.ofSeconds(10);

  private static final Uploads UPLOADS;

  private static Instant flushed = Instant.now();

  static {
    Config config =
        new Config.Builder()
            .setApplicationName("orders")
            .setServerAddress("http://localhost:4040")
            .setProfilingEvent(EventType.ITIMER) // needs no perf events
            .build();
    UPLOADS = new Uploads(new PyroscopeExporter(config, DefaultLogger.PRECONFIG_LOGGER));
    PyroscopeAgent.start(new PyroscopeAgent.Options.Builder(config).setScheduler(UPLOADS).build());
    // Lambda sends SIGTERM before the environment ends: this sends the last profile.
    Runtime.getRuntime().addShutdownHook(new Thread(UPLOADS::flush));
  }

  /** What is ordered. */
  public static final class Order {
    private List<Item> items = List.of();

    public List<Item> getItems() {
      return items;
    }

    public void setItems(List<Item> items) {
      this.items = items;
    }
  }

  /** One line of an order. */
  public static final class Item {
    private double price;
    private double count;

    public double getPrice() {
      return price;
    }

    public void setPrice(double price) {
      this.price = price;
    }

    public double getCount() {
      return count;
    }

    public void setCount(double count) {
      this.count = count;
    }
  }

  /** What it comes to. */
  public record Receipt(double total) {
    /** As Lambda's serialization looks for it. */
    public double getTotal() {
      return total;
    }
  }

  @Override
  public Receipt handleRequest(Order order, Context context) {
    double total =
        order.getItems().stream().mapToDouble(item -> item.getPrice() * item.getCount()).sum();
    if (Instant.now().isAfter(flushed.plus(EVERY))) {
      flushed = Instant.now();
      UPLOADS.flush();
    }
    return new Receipt(total);
  }
}
