#!/usr/bin/env node
// usage: worker.mjs http://127.0.0.1:8090/v1/consumers/orders/fetch
import { writeFile } from 'node:fs/promises';

// The work. SyntaxError: it can never succeed. Any other error: try it again.
async function handle({ topic, partition, offset, value }) {
  await writeFile(`${topic}-${partition}@${offset}`, JSON.parse(value).order);
}

async function post(body) {
  const answer = await fetch(process.argv[2], { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  return answer.ok ? answer.json() : Promise.reject(await answer.text());
}

for (let ack, batch; ; ) { // Each round settles the last batch and leases the next.
  const body = JSON.stringify({ request_id: crypto.randomUUID(), max_records: 100, lease_ms: 30000, ack });
  // Refused, cut off or lost: the same request again is safe.
  while (!(batch = await post(body).catch(console.error))) await new Promise((wake) => setTimeout(wake, 1000));
  ack = batch.batch_id && { batch_id: batch.batch_id, default: 'accept', release: [], reject: [] };
  for (const [index, record] of batch.records.entries()) {
    await handle(record).catch((error) => {
      console.error(error);
      if (error instanceof SyntaxError) ack.reject.push({ index, reason: error.message });
      else ack.release.push({ index, delay_ms: 1000 });
    });
  }
}
