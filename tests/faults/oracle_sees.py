"""The oracle sees each kind of harm: a proof by it means something."""

import os
import re
import shutil
import signal
import sqlite3
import threading
import time

from oracle import Excuses, Served, Verdict, judge, judge_run, judge_values
from plant import TAGS, Plant, eventually, run_tests
from stores import SqliteStore


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


HELD_UP_S = 1.5  # a value is stale after a second and three of its periods
LONGEST_PERIOD_S = 0.04
SLOW_S = 0.15  # longer than a bridge takes to start, shorter than it waits for an answer

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


def crash_of(store):
    """From when on the bridge's memory was lost, and when it had started again."""
    return next((from_us, to_us) for reason, from_us, to_us in store.gaps() if reason == "interrupted")


def a_crash_excuses_only_what_was_served_before_the_restart_and_after_what_survived():
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks(5)
        plant.bridge.kill()
        plant.bridge.start()
        plant.wait_for_acks(5)
        plant.end_run()
        judge(plant).assert_clean()
        store = SqliteStore(plant.run.store)
        from_us, restart_us = crash_of(store)
        tag = TAGS[0].name
        excuses = Excuses(store, store.readings())
        newest = max(time_us for time_us in excuses.stored[tag] if time_us < restart_us)
        cases = [
            ("at the restart", restart_us, True),
            ("just after the restart", restart_us + 1, False),
            ("just after what was stored last", max(newest, from_us) + 1, True),
            ("just before what was stored last", newest - 1, False),
        ]
        for name, time_us, excused in cases:
            assert excuses.accounts_for(tag, time_us) == excused, name


def what_a_dead_bridge_asked_a_slow_plc_is_served_in_its_own_life():
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks(5)
        plant.plc.process.send_signal(signal.SIGSTOP)
        time.sleep(LONGEST_PERIOD_S)  # now it has asked again, and waits
        plant.bridge.kill()
        wake = threading.Timer(SLOW_S, plant.plc.process.send_signal, (signal.SIGCONT,))
        wake.start()
        plant.bridge.start()
        wake.join()
        plant.wait_for_acks(5)
        plant.end_run()
        judge(plant).assert_clean()


STALE_CASES = [  # name, when it was marked, value, the class it is; 1, 2 and 3 were served at 10, 20 and 30
    ("the latest value", 40, 2, "stale"),
    ("one that was served before the latest reading", 40, 1, "corrupt"),
    ("one that was never served", 40, 9, "corrupt"),
    ("one that is served later", 25, 3, "corrupt"),
]


def a_stale_value_must_be_the_latest_one():
    tag = next(tag for tag in TAGS if tag.type == "uint16")
    for name, time_us, value, kind in STALE_CASES:
        served = Served(tag, [])
        served.times, served.values, served.used = [10, 20, 30], [1, 2, 3], [0, 0, 0]
        rows = [("e", seq, tag.name, 10 * seq - 1, 10 * seq + 1, "good", seq) for seq in (1, 2)]
        verdict = Verdict()
        judge_values([*rows, ("e", 3, tag.name, time_us, time_us, "stale", value)], {tag.name: served}, verdict)
        assert verdict.counts["ok"] == 2 and verdict.counts[kind] == 1, f"{name}: {verdict}"
        assert served.used == [1, 1, 0], f"{name}: a stale value accounts for no reading"


def a_bridge_that_was_held_up_repeats_its_values_as_stale():
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks(5)
        plant.bridge.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + HELD_UP_S
        eventually(lambda: time.monotonic() >= end, "the end of the pause")
        plant.bridge.process.send_signal(signal.SIGCONT)
        plant.wait_for_acks(5)
        plant.end_run()
        verdict = judge(plant)
        verdict.assert_clean()
        assert verdict.counts["stale"] > 0, f"nothing became stale: {verdict}"


run_tests([
    each_harm_is_seen_as_what_it_is,
    a_crash_excuses_only_what_was_served_before_the_restart_and_after_what_survived,
    what_a_dead_bridge_asked_a_slow_plc_is_served_in_its_own_life,
    a_stale_value_must_be_the_latest_one,
    a_bridge_that_was_held_up_repeats_its_values_as_stale,
])
