"""A Lambda function that takes orders, under the Pyroscope SDK for Python: uneven work, for the end-to-end tests.

PYROSCOPE_SERVER_ADDRESS says where profiles go, UPLOAD_SECONDS how often.
"""

import os
import signal
import threading
import time

# Before the SDK starts threads, so that all of them leave SIGTERM to the one that waits for it. A handler of Python's
# own would never run: the main thread is in the runtime client's native code until the next invocation.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

import pyroscope  # noqa: E402

pyroscope.configure(
    application_name="orders/python",
    server_address=os.environ.get("PYROSCOPE_SERVER_ADDRESS", "http://localhost:4040"),
    tags={"region": "local", "team": "checkout"},
    upload_interval=int(os.environ.get("UPLOAD_SECONDS", "2")),
    mem_enabled=True,
)


def finish():
    signal.sigwait({signal.SIGTERM})
    # Sends what was sampled since the last upload.
    pyroscope.shutdown()
    os._exit(0)


threading.Thread(target=finish, daemon=True).start()


def price_basket(until):
    total = 0
    while time.monotonic() < until:
        for article in range(2000):
            total += article * 97 % 9900
    return total


def render_receipt(until):
    receipt = ""
    while time.monotonic() < until:
        receipt = "\n".join(f"{article:>4}  {article * 7:>9}.99" for article in range(500))
    return len(receipt)


def check_stock(until):
    warehouse = {article: article % 7 for article in range(2000)}
    missing = 0
    while time.monotonic() < until:
        missing += sum(1 for article in range(500) if article not in warehouse)
    return missing


def take_order(event, context):
    start = time.monotonic()
    seconds = event["work_ms"] / 1000
    return {
        "total_cents": price_basket(start + seconds * 0.60),
        "printed_bytes": render_receipt(start + seconds * 0.85),
        "missing": check_stock(start + seconds),
    }
