// Takes orders, profiled.

import Pyroscope from '@pyroscope/nodejs';

const EVERY_MS = 10_000;
let flushed = Date.now();

Pyroscope.init({
  serverAddress: 'http://localhost:4040',
  appName: 'orders',
  tags: { region: process.env.AWS_REGION ?? 'local' },
  flushIntervalMs: 3_600_000, // the handler does it
  wall: { collectCpuTime: true },
});
Pyroscope.start();

process.on('SIGTERM', async () => {
  await Pyroscope.stop(); // sends the last profile
  process.exit(0);
});

export async function takeOrder(event) {
  const items = event.items ?? [];
  const total = items.reduce((sum, { price, count }) => sum + price * count, 0);
  if (Date.now() - flushed > EVERY_MS) {
    flushed = Date.now();
    await Pyroscope.stop();
    Pyroscope.start();
  }
  return { total };
}
