#!/usr/bin/env node
// Pulls records from sluiced and saves the value of each in a directory.    usage: worker.mjs DIRECTORY
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const { SLUICE_URL = 'http://127.0.0.1:8090', SLUICE_CONSUMER = 'orders' } = process.env;
class Hopeless extends Error {}

// The work. Hopeless: it can never succeed. Any other error: to be tried again later.
async function handle({ topic, partition, offset, value }) {
  console.log(`${topic}-${partition}@${offset}`);
  if (value === null) throw new Hopeless('it has no value');
  await writeFile(`${process.argv[2]}/${topic}-${partition}@${offset}`, value);
}

async function post(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const url = `${SLUICE_URL}/v1/consumers/${SLUICE_CONSUMER}/${path}`;
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (answer.ok) return answer.json();
  throw Object.assign(new Error(await answer.text()), { pause: answer.headers.get('Retry-After') });
}

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => (stopping = true));

let batch, ack, request_id = randomUUID();
while (!stopping) { // each round settles the last batch and leases the next
  try {
    batch = await post('fetch', { request_id, max_records: 100, lease_ms: 60000, ack });
  } catch (error) {
    console.error(error.message);
    await sleep(1000 * (error.pause ?? 1));
    continue; // and ask the same again: request_id makes that safe, even if the answer got lost
  }
  request_id = randomUUID();
  ack = batch.batch_id && { batch_id: batch.batch_id, default: 'accept', release: [] };
  for (const record of batch.records) {
    const { topic, partition, offset } = record;
    try {
      if (stopping) throw new Error('stopping');
      await handle(record);
    } catch (error) {
      console.error(error.message);
      if (error instanceof Hopeless) (ack.reject ??= []).push({ topic, partition, offset, reason: error.message });
      else ack.release.push({ topic, partition, offset, delay_ms: 1000 });
    }
  }
}
if (ack) await post(`batches/${ack.batch_id}/ack`, { ...ack, batch_id: undefined });
