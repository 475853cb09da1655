"""The wall clock of the bridge jumps by a day and by ten years, forth and back: nothing crashes, nothing stalls, and the
sequences go on without a hole. Where the jump leaves a reading's time is the clock's fault; that it is stored is ours."""

import glob
import os

from oracle import acknowledged
from plant import BRIDGE, Plant, run_tests, skip
from stores import SqliteStore

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
JUMPS = ["+1d", "-1d", "+0", "+10y", "-10y", "+0"]


def set_clock(plant, offset):
    """libfaketime reads the file anew with every look at the clock."""
    path = plant.path("clock")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(offset + "\n")
    os.rename(path + ".new", path)
    return path


def fake_clock(plant, library):
    return {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": set_clock(plant, "+0"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def jumps_stop_nothing():
    libraries = glob.glob(LIBRARY)
    if not libraries:
        skip("libfaketime is not installed")
    with Plant() as plant:
        plant.bridge.environment = fake_clock(plant, libraries[0])
        plant.start()
        for offset in JUMPS:
            plant.wait_for_acks(4)
            set_clock(plant, offset)
            plant.wait_for_acks(10)
            assert plant.bridge.is_running() and plant.server.is_running(), plant.why()
        plant.end_run()
        acked = acknowledged(plant.run.bridge_log, plant.run.server_log)
        store = SqliteStore(plant.run.store)
        assert len(acked) >= 14 * len(JUMPS) and not acked - store.batches(BRIDGE)
        assert not store.holes()
        assert store.query("SELECT count(DISTINCT epoch) FROM stream") == [(1,)]
        span_us = store.query("SELECT max(last_us) - min(first_us) FROM batch WHERE kind = 1")[0][0]
        assert span_us > 19 * 365 * 86400 * 1000000, "the clock did not jump: this proves nothing"


run_tests([jumps_stop_nothing])
