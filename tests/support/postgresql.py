"""A private PostgreSQL cluster for tests: on a socket in a folder of its own, never on a port.

As a module:

    with Postgresql() as database:
        database.url("bourdon")     # of a database, made when it is not there
        database.crash(); database.start()

As a program, `postgresql.py run COMMAND...` runs a command beside a cluster, with BOURDON_POSTGRESQL (the URL, to which
the name of a database is appended) and BOURDON_POSTGRESQL_DO (a command that takes crash, start or stop) in
its environment. Exit status 77: there is no PostgreSQL here.

PostgreSQL refuses to run as root; then it runs as the user `postgres`.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 60
SKIPPED = 77
USER = "postgres"
SETTINGS = {
    "listen_addresses": "",
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "64MB",
    "max_connections": "30",
    "logging_collector": "off",
    "deadlock_timeout": "200ms",
}


def programs():
    """The folder of PostgreSQL's programs, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4]))) if found else None


class Postgresql:
    def __init__(self, folder=None, settings=None):
        self.bin = programs()
        self.own = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="bourdon-pg-")
        self.data, self.log = os.path.join(self.folder, "data"), os.path.join(self.folder, "log")
        self.settings = {**SETTINGS, **(settings or {})}

    def _command(self, program, *arguments):
        """What runs a program of PostgreSQL, not as root."""
        command = [os.path.join(self.bin, program), *arguments]
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", *command] if os.geteuid() == 0 else command

    def _run(self, program, *arguments):
        subprocess.run(
            self._command(program, *arguments), check=True, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, timeout=DEADLINE_S,
        )

    def make(self):
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        os.chmod(self.folder, 0o755)
        self._run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        return self

    def start(self):
        options = [f"-c{key}={value}" for key, value in self.settings.items()]
        with open(self.log, "ab") as log:
            subprocess.Popen(
                self._command("postgres", "-D", self.data, "-k", self.folder, *options),
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        deadline = time.monotonic() + DEADLINE_S
        while subprocess.run(
            [os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder, "-U", USER], check=False
        ).returncode:
            assert time.monotonic() < deadline, open(self.log, encoding="utf-8").read()
            time.sleep(0.02)
        return self

    def _pid(self):
        with open(os.path.join(self.data, "postmaster.pid"), encoding="ascii") as file:
            return int(file.readline())

    def _end(self, how):
        """Ends it and waits for that: the file with its number goes last."""
        pid, deadline = self._pid(), time.monotonic() + DEADLINE_S
        os.kill(pid, how)
        while os.path.exists(os.path.join(self.data, "postmaster.pid")):
            assert time.monotonic() < deadline, open(self.log, encoding="utf-8").read()
            time.sleep(0.01)

    def crash(self):
        """What was committed must come back from its write-ahead log."""
        self._end(signal.SIGQUIT)

    def stop(self):
        self._end(signal.SIGINT)

    def _processes(self):
        """The postmaster first, then its children: each is a group of its own."""
        pid = self._pid()
        found = subprocess.run(["pgrep", "-P", str(pid)], check=False, capture_output=True, text=True, timeout=DEADLINE_S)
        return [pid, *map(int, found.stdout.split())]

    def _signal(self, how):
        for pid in self._processes():
            try:
                os.kill(pid, how)
            except ProcessLookupError:  # a child that has ended meanwhile
                pass

    def freeze(self):
        """It holds what it has, connections too, and does nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def sql(self, statement, database=USER):
        """What psql prints of a statement, without decoration."""
        command = ["psql", "-X", "-q", "-A", "-t", "-F|", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", USER]
        done = subprocess.run(
            [*command, "-d", database, "-c", statement], check=True, capture_output=True, text=True, timeout=DEADLINE_S
        )
        return [line.split("|") for line in done.stdout.splitlines()]

    def url(self, database):
        if not self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
            self.sql(f'CREATE DATABASE "{database}"')
        return f"postgresql:///{database}?host={self.folder}&user={USER}"

    def __enter__(self):
        if not self.bin:
            print("skipped: PostgreSQL is not installed")
            sys.exit(SKIPPED)
        return self.make().start()

    def __exit__(self, kind, value, trace):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.thaw()
            self.crash()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)


def run(command):
    with Postgresql() as database:
        environment = {
            **os.environ,
            "BOURDON_POSTGRESQL": f"postgresql://?host={database.folder}&user={USER}&dbname=",
            "BOURDON_POSTGRESQL_DO": f"{sys.executable} {os.path.abspath(__file__)} {database.folder}",
        }
        return subprocess.run(command, check=False, env=environment).returncode


if __name__ == "__main__":
    if sys.argv[1] == "run":
        sys.exit(run(sys.argv[2:]))
    getattr(Postgresql(sys.argv[1]), sys.argv[2])()
