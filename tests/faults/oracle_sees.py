"""The oracle sees each kind of harm: a proof by it means something."""

import os
import re
import shutil
import sqlite3

from oracle import Verdict, judge, judge_run
from plant import Plant, run_tests


class Tampered:
    """A copy of a run that can be harmed."""

    def __init__(self, plant, name):
        self.run = plant.runs[0]
        self.truth = plant.truth()
        self.store = plant.path(f"{name}.db")
        shutil.copy(self.run.store, self.store)

    def execute(self, sql):
        store = sqlite3.connect(self.store, isolation_level=None)
        store.execute(sql)
        store.close()

    def verdict(self):
        before, self.run.store = self.run.store, self.store
        verdict = Verdict()
        judge_run(self.run, self.truth, verdict)
        self.run.store = before
        return verdict


MIDDLE = "(SELECT id FROM batch WHERE kind = 1 ORDER BY seq LIMIT 1 OFFSET 4)"


def delete_a_batch(copy):
    copy.execute(f"DELETE FROM batch WHERE id = {MIDDLE}")


def store_a_batch_twice(copy):
    columns = "stream, kind, catalog, readings, first_us, last_us, received_us, committed_us, historical, encoded"
    copy.execute(
        f"INSERT INTO batch (seq, {columns}) SELECT (SELECT max(seq) + 1 FROM batch), {columns} FROM batch"
        f" WHERE id = {MIDDLE}"
    )


def put_a_batch_last(copy):
    copy.execute(f"UPDATE batch SET seq = (SELECT max(seq) + 1 FROM batch) WHERE id = {MIDDLE}")


def holding(row):
    return row.table == "holding"


def serve_something_else(copy):
    copy.truth = [row._replace(items=re.sub("^....", "ffff", row.items)) if holding(row) else row for row in copy.truth]


def serve_nothing(copy):
    copy.truth = [row for row in copy.truth if not holding(row)]


def serve_more(copy):
    row = next(row for row in reversed(copy.truth) if holding(row))
    copy.truth = sorted([*copy.truth, row._replace(served_us=row.served_us + 1)])


HARMS = [
    (delete_a_batch, {"unstored", "lost"}),
    (store_a_batch_twice, {"duplicated", "reordered"}),
    (put_a_batch_last, {"unstored", "lost", "reordered"}),
    (serve_something_else, {"corrupt", "lost"}),
    (serve_nothing, {"phantom"}),
    (serve_more, {"lost"}),
]


def each_harm_is_seen_as_what_it_is():
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks(20)
        plant.end_run()
        judge(plant).assert_clean()
        for harm, kinds in HARMS:
            copy = Tampered(plant, harm.__name__)
            harm(copy)
            verdict = copy.verdict()
            seen = {kind for kind in ("lost", "duplicated", "reordered", "corrupt", "phantom", "unstored")
                    if verdict.counts[kind]}
            assert seen == kinds, f"{harm.__name__}: {verdict}"
            os.remove(copy.store)


run_tests([each_harm_is_seen_as_what_it_is])
