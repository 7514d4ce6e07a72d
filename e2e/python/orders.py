"""An order service under the Pyroscope SDK for Python: uneven work, then the SDK's last upload.

PYROSCOPE_SERVER_ADDRESS says where profiles go, WORK_SECONDS how long it works.
"""

import os
import sys
import time

import pyroscope


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
    return receipt


def check_stock(until):
    warehouse = {article: article % 7 for article in range(2000)}
    missing = 0
    while time.monotonic() < until:
        missing += sum(1 for article in range(500) if article not in warehouse)
    return missing


def take_order(seconds):
    start = time.monotonic()
    price_basket(start + seconds * 0.60)
    render_receipt(start + seconds * 0.85)
    check_stock(start + seconds)


def main():
    seconds = float(os.environ.get("WORK_SECONDS", "5"))
    pyroscope.configure(
        application_name="orders/python",
        server_address=os.environ.get("PYROSCOPE_SERVER_ADDRESS", "http://localhost:4040"),
        tags={"region": "local", "team": "checkout"},
        upload_interval=2,
        mem_enabled=True,
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        take_order(0.3)
    # Sends what was sampled since the last upload.
    if not pyroscope.shutdown():
        sys.exit("the SDK did not shut down")


if __name__ == "__main__":
    main()
