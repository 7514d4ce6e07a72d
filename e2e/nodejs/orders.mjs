// A Lambda function that takes orders, under the Pyroscope SDK for Node.js: uneven work, for the end-to-end tests.
//
// PYROSCOPE_SERVER_ADDRESS says where profiles go, UPLOAD_SECONDS how often, FLUSH=true sends them in every invocation.

import Pyroscope from '@pyroscope/nodejs';

const uploadMs = 1000 * Number(process.env.UPLOAD_SECONDS ?? 2);

Pyroscope.init({
  serverAddress: process.env.PYROSCOPE_SERVER_ADDRESS ?? 'http://localhost:4040',
  appName: 'orders/nodejs',
  tags: { region: 'local', team: 'checkout' },
  flushIntervalMs: uploadMs,
  wall: { collectCpuTime: true, samplingDurationMs: uploadMs },
});
Pyroscope.start();

process.on('SIGTERM', async () => {
  // Sends what was sampled since the last upload.
  await Pyroscope.stop();
  process.exit(0);
});

function priceBasket(until) {
  let total = 0;
  while (performance.now() < until) {
    for (let article = 0; article < 20_000; article += 1) total += (article * 97) % 9900;
  }
  return total;
}

function renderReceipt(until) {
  let receipt = '';
  while (performance.now() < until) {
    receipt = Array.from({ length: 500 }, (_, article) => `${article}  ${article * 7}.99`).join('\n');
  }
  return receipt.length;
}

function checkStock(until) {
  const warehouse = new Map(Array.from({ length: 2000 }, (_, article) => [article, article % 7]));
  let missing = 0;
  while (performance.now() < until) {
    for (let article = 0; article < 500; article += 1) if (!warehouse.has(article)) missing += 1;
  }
  return missing;
}

export async function takeOrder(event) {
  const start = performance.now();
  const ms = event.work_ms;
  const receipt = {
    total_cents: priceBasket(start + ms * 0.6),
    printed_bytes: renderReceipt(start + ms * 0.85),
    missing: checkStock(start + ms),
  };
  if (process.env.FLUSH === 'true') {
    await Pyroscope.stop();
    Pyroscope.start();
  }
  return receipt;
}
