package orders;

import io.pyroscope.javaagent.ProfilerDelegate;
import io.pyroscope.javaagent.Snapshot;
import io.pyroscope.javaagent.api.Exporter;
import io.pyroscope.javaagent.api.ProfilingScheduler;
import java.time.Instant;

/** Uploads when it is told to, at the end of an invocation or of the environment. The SDK's own scheduler can't. */
final class Uploads implements ProfilingScheduler {
  private final Exporter exporter;
  private ProfilerDelegate profiler;
  private Instant since;

  Uploads(Exporter exporter) {
    this.exporter = exporter;
  }

  @Override
  public synchronized void start(ProfilerDelegate profiler) {
    this.profiler = profiler;
    since = Instant.now();
    profiler.start();
  }

  @Override
  public synchronized void stop() {
    profiler.stop();
  }

  /** Returns once the relay has what was sampled since the last time. */
  synchronized void flush() {
    profiler.stop();
    Instant now = Instant.now();
    Snapshot snapshot = profiler.dumpProfile(since, now);
    since = now;
    profiler.start();
    exporter.export(snapshot);
  }
}
