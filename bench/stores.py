"""The stores beside the bare thing, in one run: SQLite, PostgreSQL, NATS JetStream with three replicas.

  BOURDON_SOURCE=$PWD BOURDON_BIN=$PWD/build/release/bin python3 bench/stores.py [sqlite] [query] [postgresql] [jetstream]
"""

import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from nats import Nats
from postgresql import Postgresql

LOAD = os.path.join(os.environ["BOURDON_BIN"], "store_load")


def load(*words):
    print(" ", " ".join(str(word) for word in words[:1] + words[2:]), flush=True)
    subprocess.run([LOAD, *map(str, words)], check=True)


BARE = """CREATE TABLE bare (k INTEGER PRIMARY KEY, tag INTEGER, time INTEGER, value REAL, quality INTEGER);
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"""


def bare_inserts(folder):
    """Row inserts with a key, 16 000 a transaction, by Python's sqlite3 executemany()."""
    import sqlite3

    store = sqlite3.connect(os.path.join(folder, "bare.db"), isolation_level=None)
    store.executescript(BARE)
    rows, begin = 0, time.monotonic()
    for group in range(60):
        store.execute("BEGIN")
        store.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, 0)",
                          ((group * 16000 + i, i % 50, group * 16000 + i, 50.0) for i in range(16000)))
        store.execute("COMMIT")
        rows += 16000
    print(f"bare row inserts             {rows / (time.monotonic() - begin):12.0f} /s")


def sqlite():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "store.db")
        load("store", f"sqlite:{path}", 16, 400, 16, 1000)
        print(f"bytes a reading: {os.path.getsize(path) / (400 * 16 * 1000):.2f}")
        load("store", f"sqlite:{folder}/small.db", 200, 60, 1000, 1)
        bare_inserts(folder)


QUERIES = """SELECT count(*), round(avg(value), 3) FROM reading WHERE tag = 'tag-42';
SELECT count(*), round(avg(value), 3) FROM reading WHERE bridge = 'cell-1' AND tag = 'tag-42' AND
  time_us BETWEEN (unixepoch() - 5400) * 1000000 AND (unixepoch() - 1800) * 1000000;"""


def query():
    """One tag of a day of 100 tags at 1 Hz, 8.64 million readings, by the sqlite3 shell and the extension."""
    extension = os.path.join(os.environ["BOURDON_BIN"], "libbourdon_reading")
    for seconds in (10, 1):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "day.db")
            load("day", f"sqlite:{path}", seconds)
            print(f"{seconds * 100} readings a batch, {os.path.getsize(path) / 8.64e6:.2f} bytes a reading; of a day, of an hour:")
            script = f".load {extension}\n.timer on\n" + QUERIES * 5
            out = subprocess.run(["sqlite3", "-readonly", path], input=script, text=True, check=True, capture_output=True)
            print("\n".join(out.stdout.splitlines()))


def postgresql():
    with Postgresql(settings={"shared_buffers": "512MB", "max_wal_size": "4GB"}) as cluster:
        url = cluster.url("bench")
        load("store", url, 1, 2, 1, 10)
        cluster.sql("CREATE TABLE bourdon.bare (LIKE bourdon.reading); CREATE INDEX ON bourdon.bare (tag, time)", "bench")
        for _ in range(2):
            load("copy", url, 1500, 1000)
            load("store", url, 16, 95, 16, 1000)
            load("store", url, 16, 24, 64, 1000)


def jetstream():
    with Nats() as nats:
        load("store", nats.url("bench"), 16, 4, 16, 10)
        servers = ",".join(f"nats://{nats.address}:{4222 + number}" for number in range(3))
        for _ in range(3):
            load("publish", servers, "bench.batch.bare", 100000, 1024)
            load("guarded", servers, f"bench.batch.guarded-{time.monotonic_ns()}", 100000, 1024)
            load("store", nats.url("bench"), 16, 25, 4096, 680)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["sqlite", "query", "postgresql", "jetstream"]:
        print(name)
        globals()[name]()
