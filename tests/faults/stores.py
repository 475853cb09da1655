"""What lies in a store, for the oracle: the same questions to each kind."""

import contextlib
import os
import sqlite3


def read_only(path):
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


class SqliteStore:
    def __init__(self, path):
        self.path = path

    def query(self, sql, *values):
        with read_only(self.path) as store:
            return store.execute(sql, values).fetchall()

    def readings(self):
        """(epoch, seq, tag, request_us, response_us, quality, value), as the bridge numbered its batches."""
        with read_only(self.path) as store:
            store.enable_load_extension(True)
            store.load_extension(os.path.join(os.environ["BOURDON_BIN"], "libbourdon_reading.so"))
            query = "SELECT epoch, seq, tag, request_us, response_us, quality, value FROM reading"
            return sorted(store.execute(query).fetchall(), key=lambda row: (row[0], row[1]))

    def gaps(self):
        """(reason, from_us, to_us)"""
        return self.query("SELECT reason, from_us, to_us FROM gap")

    def holes(self):
        return self.query("SELECT epoch, first_seq, last_seq FROM hole")

    def batches(self, bridge):
        """(epoch, sequence)"""
        return set(self.query(
            """SELECT lower(hex(epoch)), seq FROM batch JOIN stream ON stream.id = batch.stream
               JOIN bridge ON bridge.id = stream.bridge WHERE name = ?""", bridge))


def us(time):
    return f"coalesce((extract(epoch FROM {time}) * 1000000)::bigint, 0)"


class PostgresqlStore:
    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.url = cluster.url(name)

    def query(self, sql):
        return self.cluster.sql(f"SET search_path = bourdon; {sql}", self.name)

    def readings(self):
        rows = self.query(
            f"""SELECT encode(epoch, 'hex'), seq, tag, {us('request')}, {us('time')}, quality, value
                FROM history JOIN stream ON stream.id = history.stream ORDER BY epoch, seq, time""")
        return [
            (epoch, int(seq), tag, int(request), int(response), "bad" if int(quality) >= 16 else "good",
             float(value) if value else None)
            for epoch, seq, tag, request, response, quality, value in rows
        ]

    def gaps(self):
        rows = self.query(f"SELECT reason, {us('from_time')}, {us('to_time')} FROM gap")
        return [(reason, int(first), int(last)) for reason, first, last in rows]

    def holes(self):
        return self.query("SELECT epoch, first_seq, last_seq FROM hole")

    def batches(self, bridge):
        rows = self.query(
            f"""WITH known AS (SELECT stream, seq FROM batch
                  UNION ALL SELECT stream, generate_series(first_seq, last_seq) FROM settled)
                SELECT encode(epoch, 'hex'), seq FROM known JOIN stream ON stream.id = known.stream
                JOIN bridge ON bridge.id = stream.bridge WHERE name = '{bridge}'""")
        return {(epoch, int(seq)) for epoch, seq in rows}
