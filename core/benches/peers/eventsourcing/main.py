"""The library `eventsourcing` for Python with its SQLite recorder, in this process: 64 threads, WAL, and SQLite's own
`synchronous=FULL`, so a commit is fsynced before it is acknowledged."""
import json
import os
import tempfile
import threading
import time
from itertools import count
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

WRITERS, COMMIT, CLIENTS = 64, 1_000, 10_000
SECONDS = float(os.environ.get("PEERS_SECONDS", 3))
REPLAYED = int(os.environ.get("PEERS_REPLAYED", 100_000))
NUMBERS, LOCK = count(1), threading.Lock()


def facts(n):
    topics = ",".join('"topic-%04d-%02d"' % (n % 10_000, i) for i in range(12))
    return '{"channel":"line-%04d","direction":"in","duration_s":%d,"topics":[%s]}' % (n % 97, n % 900, topics)


def events(size):
    with LOCK:
        numbers = [next(NUMBERS) for _ in range(size)]
    return [StoredEvent(UUID(int=1 + n % CLIENTS), n // CLIENTS + 1, "call.logged", facts(n).encode()) for n in numbers]


def report(work, done, took):
    print(json.dumps({"peer": "eventsourcing (Python)", "work": work, "events": done, "rate": round(done / took)}), flush=True)


def replay(recorder):
    started, after, read = time.monotonic(), None, 0
    while page := recorder.select_notifications(start=after, limit=1_000, inclusive_of_start=False):
        for notification in page:
            json.loads(notification.state)
            read += 1
        after = page[-1].id
    report("replay", read, time.monotonic() - started)


for work, writers, size in (("single", WRITERS, 1), ("batch", 1, COMMIT)):
    with tempfile.TemporaryDirectory(dir=".") as folder:
        store = SQLiteDatastore(os.path.join(folder, "events.db"), pool_size=writers, lock_timeout=60, pool_timeout=60)
        recorder = SQLiteApplicationRecorder(store)
        recorder.create_table()
        done, started = [0] * writers, time.monotonic()

        def write(writer):
            while time.monotonic() - started < SECONDS:
                recorder.insert_events(events(size))
                done[writer] += size

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        report(work, sum(done), time.monotonic() - started)
        if work == "batch":
            written = sum(done)
            while written < REPLAYED:
                recorder.insert_events(events(COMMIT))
                written += COMMIT
            replay(recorder)
        store.close()
