// Emmett with its SQLite store, in this process: WAL, and SQLite's own `synchronous=FULL`, so a commit is fsynced before
// it is acknowledged. The store opens and closes its one connection around each append and takes one at a time, so the
// 64 writers wait for each other here.
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { getSQLiteEventStore, readMessagesBatch, sqliteConnection } from "@event-driven-io/emmett-sqlite";

const WRITERS = 64, COMMIT = 1_000, CLIENTS = 10_000;
const SECONDS = Number(process.env.PEERS_SECONDS ?? 3);
const REPLAYED = Number(process.env.PEERS_REPLAYED ?? 100_000);
let next = 1;

function event(n) {
  const topics = Array.from({ length: 12 }, (_, i) =>
    `topic-${String(n % 10_000).padStart(4, "0")}-${String(i).padStart(2, "0")}`);
  const channel = `line-${String(n % 97).padStart(4, "0")}`;
  return { type: "call.logged", data: { channel, direction: "in", duration_s: n % 900, topics } };
}

function report(work, events, started) {
  const rate = Math.round(events / ((performance.now() - started) / 1_000));
  console.log(JSON.stringify({ peer: "Emmett (Node)", work, events, rate }));
}

for (const [work, writers, size] of [["single", WRITERS, 1], ["batch", 1, COMMIT]]) {
  const folder = mkdtempSync("emmett-");
  const fileName = join(folder, "events.db");
  const store = getSQLiteEventStore({ fileName });
  let turn = Promise.resolve();
  // One stream for each commit: its events have to be of one.
  const append = () => {
    const n = (next += size);
    const events = Array.from({ length: size }, (_, i) => event(n + i));
    turn = turn.then(() => store.appendToStream(`client-${1 + (n % CLIENTS)}`, events));
    return turn;
  };
  let done = 0;
  const started = performance.now();
  await Promise.all(Array.from({ length: writers }, async () => {
    while (performance.now() - started < SECONDS * 1_000) {
      await append();
      done += size;
    }
  }));
  report(work, done, started);
  if (work === "batch") {
    while (done < REPLAYED) {
      await append();
      done += size;
    }
    const db = sqliteConnection({ fileName });
    const began = performance.now();
    let [after, read] = [0n, 0];
    for (;;) {
      const { messages, currentGlobalPosition } = await readMessagesBatch(db, { after, batchSize: 1_000 });
      if (messages.length === 0) break;
      [after, read] = [currentGlobalPosition, read + messages.length];
    }
    report("replay", read, began);
    db.close();
  }
  rmSync(folder, { recursive: true });
}
