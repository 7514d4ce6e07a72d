// An order service under the Pyroscope SDK for Node.js: uneven work, then the SDK's last upload.
//
// PYROSCOPE_SERVER_ADDRESS says where profiles go, WORK_SECONDS how long it works.

import { setTimeout as pause } from 'node:timers/promises';

import Pyroscope from '@pyroscope/nodejs';

let kept;

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
  return receipt;
}

function checkStock(until) {
  const warehouse = new Map(Array.from({ length: 2000 }, (_, article) => [article, article % 7]));
  let missing = 0;
  while (performance.now() < until) {
    for (let article = 0; article < 500; article += 1) if (!warehouse.has(article)) missing += 1;
  }
  return missing;
}

function takeOrder(ms) {
  const start = performance.now();
  kept = [priceBasket(start + ms * 0.6), renderReceipt(start + ms * 0.85), checkStock(start + ms)];
}

Pyroscope.init({
  serverAddress: process.env.PYROSCOPE_SERVER_ADDRESS ?? 'http://localhost:4040',
  appName: 'orders/nodejs',
  tags: { region: 'local', team: 'checkout' },
  flushIntervalMs: 2000,
  wall: { collectCpuTime: true, samplingDurationMs: 2000 },
});
Pyroscope.start();

const end = performance.now() + 1000 * Number(process.env.WORK_SECONDS ?? 5);
while (performance.now() < end) {
  takeOrder(300);
  // The SDK's own timers and uploads need a turn.
  await pause(10);
}
// Sends what was sampled since the last upload.
await Pyroscope.stop();
if (kept === undefined) process.exitCode = 1;
