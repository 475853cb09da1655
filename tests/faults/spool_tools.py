"""`bourdon spool` on a real bridge's spool, live and dead, whole and damaged, and on everything that is none.

A spool of another bridge or another version is refused by bridge and verbs alike, says what to do, and is not touched.
"""

import csv
import fcntl
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile

from oracle import judge
from plant import DEADLINE_S, Plant, program, run_tests

VERBS = [["stat"], ["list"], ["dump", "1"], ["check"], ["export"], ["repair"]]


def bourdon(*words, status=0):
    """What it says, on both streams. A sub-verb's FILE comes before its SEQ."""
    done = subprocess.run([program("bourdon"), *map(str, words)], capture_output=True, text=True, timeout=4 * DEADLINE_S)
    assert done.returncode == status, f"{words}: exit status {done.returncode}: {done.stdout}{done.stderr}"
    return done


def spool(verb, path, *more, status=0):
    return bourdon("spool", verb[0], path, *verb[1:], *more, status=status)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def state(path):
    """Names and contents of a folder, but for what SQLite makes beside a database to read it: an index and an empty log."""
    found = {}
    for name in sorted(os.listdir(path)):
        if name.endswith("-shm") or name.endswith("-wal") and os.path.getsize(os.path.join(path, name)) == 0:
            continue
        with open(os.path.join(path, name), "rb") as file:
            found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def run_sql(path, *statements):
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def with_a_backlog(plant, batches=12):
    """A bridge without a server; returns its spool."""
    plant.start_plc()
    plant.bridge.start().wait_for("event=ready")
    plant.wait_for_batches(batches)
    return plant.run.spool


def a_live_spool_is_looked_at_from_all_sides():
    with Plant() as plant:
        path = with_a_backlog(plant)
        listed = rows(spool(["list"], path, "--format", "csv").stdout)
        assert len(listed) >= 12
        parts = [json.loads(line) for line in spool(["dump", listed[0]["seq"]], path, "--format", "json").stdout.splitlines()]
        assert [part["part"] for part in parts if part["part"] != "reading"][0] == "batch", parts[:3]
        readings = [part for part in parts if part["part"] == "reading"]
        assert len(readings) == int(listed[0]["readings"]) == parts[0]["count"], parts[0]
        assert {part["tag"] for part in readings} <= {part["tag"] for part in parts if part["part"] == "tag"}
        assert "READING" not in spool(["dump", listed[0]["seq"]], path).stderr
        for _ in range(5):
            checked = rows(spool(["check"], path, "--format", "csv").stdout)
            assert all(row["state"] == "ok" for row in checked), checked
        exported = rows(spool(["export"], path).stdout)
        assert len(exported) >= sum(int(row["readings"]) for row in listed)
        some = rows(spool(["export"], path, "--tag", "boiler/pres*").stdout)
        assert {row["tag"] for row in some} == {"boiler/pressure", "boiler/pressure-float"}
        refused = spool(["repair"], path, status=1)
        assert "another process" in refused.stderr and "stop that one" in refused.stderr, refused.stderr
        assert not [name for name in os.listdir(os.path.dirname(path)) if "backup" in name]
        assert "not made yet" in spool(["dump", 10**9], path, status=1).stderr
        plant.server.start().wait_for("event=started")
        plant.end_run()
        assert "where" in spool(["dump", listed[0]["seq"]], path, status=1).stderr
        judge(plant).assert_clean()


def damaged_records_are_told_and_set_aside():
    with Plant() as plant:
        path = with_a_backlog(plant)
        plant.bridge.kill()
        with sqlite3.connect(path) as database:
            seqs = [row[0] for row in database.execute("SELECT seq FROM batch WHERE kind = 1 ORDER BY seq")]
        database.close()
        flipped, cut = seqs[3], seqs[6]
        run_sql(path, f"UPDATE batch SET encoded = substr(encoded, 1, 50) WHERE seq = {cut}",
                f"UPDATE batch SET encoded = CAST(substr(encoded, 1, 99) || x'00ff00' || substr(encoded, 103) AS BLOB)"
                f" WHERE seq = {flipped}",
                "UPDATE state SET bytes = (SELECT sum(length(encoded)) FROM batch)")
        told = rows(spool(["check"], path, "--format", "csv", status=1).stdout)
        assert [row["seq"] for row in told if row["state"] == "damaged"] == [str(flipped), str(cut)], told
        exported = spool(["export"], path, status=1)
        assert f"batch {flipped} " in exported.stderr
        assert {row["seq"] for row in rows(exported.stdout)} == {str(seq) for seq in seqs} - {str(flipped), str(cut)}
        with open(path, "rb") as file:
            before = file.read()
        repaired = rows(spool(["repair"], path, "--format", "csv").stdout)[0]
        assert (repaired["result"], repaired["quarantined"]) == ("repaired", "2"), repaired
        assert repaired["lost"] == f"{flipped}, {cut}", repaired
        with open(repaired["backup"], "rb") as file:
            assert file.read() == before
        checked = rows(spool(["check"], path, "--format", "csv").stdout)
        assert all(row["state"] != "damaged" for row in checked), checked
        assert f"batch {cut} " in spool(["dump", cut], path, status=1).stderr
        assert rows(spool(["repair"], path, "--format", "csv").stdout)[0]["result"] == "sound"
        plant.server.start().wait_for("event=started")
        plant.bridge.start().wait_for("event=ready")
        plant.wait_for_acks(3)
        plant.end_run()
        judge(plant).assert_clean()


def a_damaged_database_is_rebuilt():
    with Plant() as plant:
        path = with_a_backlog(plant, 40)
        plant.bridge.kill()
        run_sql(path, "SELECT 1")
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2 // 4096 * 4096)
            file.write(b"\xee" * 4096)
        assert spool(["check"], path, status=1).stdout
        for verb in VERBS[:5]:
            done = subprocess.run([program("bourdon"), "spool", verb[0], path, *verb[1:]], capture_output=True, timeout=DEADLINE_S)
            assert done.returncode in (0, 1), f"{verb}: {done}"
        repaired = rows(spool(["repair"], path, "--format", "csv").stdout)[0]
        assert repaired["result"] == "rebuilt" and int(repaired["saved"]) > 0, repaired
        assert os.path.exists(repaired["backup"]) and os.path.exists(repaired["damaged_file"])
        assert all(row["state"] != "damaged" for row in rows(spool(["check"], path, "--format", "csv").stdout))
        plant.server.start().wait_for("event=started")
        plant.bridge.start().wait_for("event=ready")
        plant.wait_for_acks(3)
        plant.end_run()
        judge(plant).assert_clean()


def refused_by_all_verbs(folder, path, expected):
    before = state(folder)
    for verb in VERBS:
        done = spool(verb, path, status=1)
        assert expected in done.stderr, f"{verb}: {done.stderr}"
    assert state(folder) == before, f"{path} was touched"


def what_is_no_spool_is_refused_and_not_touched():
    with Plant() as plant, tempfile.TemporaryDirectory() as folder:
        plant.start()
        plant.wait_for_acks(3)
        plant.end_run()
        path = os.path.join(folder, "x.db")
        refused_by_all_verbs(folder, path, "no such file")
        for content, expected in ((b"", "empty"), (b"not a database, but long enough to be one\n" * 10, "not a SQLite database")):
            with open(path, "wb") as file:
                file.write(content)
            refused_by_all_verbs(folder, path, expected)
        os.remove(path)
        run_sql(path, "CREATE TABLE batch (seq)")
        refused_by_all_verbs(folder, path, "another program")
        shutil.copy(plant.run.store, path)
        refused_by_all_verbs(folder, path, "another program")
        shutil.copy(plant.run.spool, path)
        run_sql(path, "PRAGMA user_version = 9")
        refused_by_all_verbs(folder, path, "version 9")
        refused_by_all_verbs(folder, folder, "not a regular file")


def the_bridge_refuses_and_does_not_touch(plant, folder, expected):
    before = state(folder)
    plant.bridge.start()
    assert plant.bridge.wait() in (1, 2), plant.bridge.tail()
    assert plant.bridge.said(expected), plant.bridge.tail()
    assert state(folder) == before, f"touched: {expected}"


def a_spool_of_another_bridge_or_version_stops_the_bridge():
    with Plant() as plant, tempfile.TemporaryDirectory() as folder:
        made = with_a_backlog(plant, 3)
        assert plant.bridge.stop() == 0
        path = os.path.join(folder, "spool.db")
        plant.begin_run(spool=path)
        for change, expected in (
            ("UPDATE identity SET bridge = 'somebody'", "belongs to bridge .*somebody.*not touched.*bridge.spool"),
            ("PRAGMA user_version = 2", "version 2 .*not touched.*move it away"),
            ("PRAGMA application_id = 7", "another program.*not touched"),
        ):
            shutil.copy(made, path)
            run_sql(path, change)
            the_bridge_refuses_and_does_not_touch(plant, folder, expected)
        shutil.copy(made, path)
        run_sql(path, "UPDATE identity SET bridge = 'somebody'", "UPDATE state SET batches = 1")
        before = state(folder)
        assert "belongs to bridge" in spool(["repair"], path, "--bridge", "cell-1", status=1).stderr
        after = state(folder)
        after.pop("spool.db-lock")
        assert after == before


def a_spool_that_no_longer_says_whose_it_is_needs_to_be_told():
    with Plant() as plant:
        path = with_a_backlog(plant, 3)
        assert plant.bridge.stop() == 0
        run_sql(path, "DELETE FROM identity")
        assert "--bridge NAME" in spool(["repair"], path, status=1).stderr
        repaired = rows(spool(["repair"], path, "--bridge", "cell-1", "--format", "csv").stdout)[0]
        assert repaired["result"] == "rebuilt", repaired
        plant.server.start().wait_for("event=started")
        plant.bridge.start().wait_for("event=ready")
        plant.wait_for_acks(3)
        plant.end_run()
        judge(plant).assert_clean()


def as_nobody(*words):
    """Where permissions count: root is not asked for any."""
    command = [program("bourdon"), *words]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)


def a_folder_that_may_only_be_read():
    with Plant() as plant, tempfile.TemporaryDirectory() as folder:
        made = with_a_backlog(plant, 3)
        assert plant.bridge.stop() == 0
        path = os.path.join(folder, "spool.db")
        shutil.copy(made, path)
        run_sql(path, "UPDATE state SET batches = 1")
        os.chmod(path, 0o444)
        os.chmod(folder, 0o555)
        reach = as_nobody("--version")
        if reach.returncode != 0:
            print("left out: nobody may not run the programs here")
            return
        before = state(folder)
        for verb in VERBS[:3] + VERBS[4:5]:
            done = as_nobody("spool", verb[0], path, *verb[1:])
            assert done.returncode == 0, f"{verb}: {done.stderr}"
        refused = as_nobody("spool", "repair", path)
        assert refused.returncode == 1 and "spool.db-lock: Permission denied" in refused.stderr, refused.stderr
        assert state(folder) == before
        os.chmod(folder, 0o755)


def a_locked_spool_is_not_repaired():
    with Plant() as plant:
        path = with_a_backlog(plant, 3)
        assert plant.bridge.stop() == 0
        run_sql(path, "UPDATE state SET batches = 1")
        before = state(os.path.dirname(path))
        with open(path + "-lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert "stop that one" in spool(["repair"], path, status=1).stderr
            assert "not what the spool says" in spool(["check"], path, status=1).stdout
        assert state(os.path.dirname(path)) == before


run_tests(
    [
        a_live_spool_is_looked_at_from_all_sides,
        damaged_records_are_told_and_set_aside,
        a_damaged_database_is_rebuilt,
        what_is_no_spool_is_refused_and_not_touched,
        a_spool_of_another_bridge_or_version_stops_the_bridge,
        a_spool_that_no_longer_says_whose_it_is_needs_to_be_told,
        a_folder_that_may_only_be_read,
        a_locked_spool_is_not_repaired,
    ]
)
