"""What an operator sees of a server: /healthz, /metrics, and what the service manager is told."""

import os
import re
import socket
import urllib.error
import urllib.request

from plant import DEADLINE_S, eventually


class Watch:
    """Makes the server of a plant listen for HTTP, and is its service manager. To be made before it is started."""

    def __init__(self, plant):
        self.plant = plant
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(plant.path("notify.sock"))
        self.manager.setblocking(False)
        self.told = []
        plant.server.environment["NOTIFY_SOCKET"] = plant.path("notify.sock")
        with open(plant.path("server.yaml"), encoding="ascii") as file:
            text = file.read()
        with open(plant.path("server.yaml"), "w", encoding="ascii") as file:
            file.write(text.replace('http: ""', "http: 127.0.0.1:0"))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.manager.close()

    def get(self, path):
        """The status of an answer, and what it says."""
        port = re.findall(r"event=http_listening.*port=(\d+)", self.plant.server.text())[-1]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self):
        """What "systemctl status" would show."""
        while True:
            try:
                self.told.append(self.manager.recv(65536).decode())
            except BlockingIOError:
                break
        lines = [line for told in self.told for line in told.split("\n") if line.startswith("STATUS=")]
        return lines[-1].removeprefix("STATUS=") if lines else ""

    def is_healthy(self):
        return "\nbourdon_server_store_healthy 1\n" in self.get("/metrics")[1]

    def sees_it_away(self, reason):
        self.plant.server.wait_for("event=http_listening")
        status, said = self.get("/healthz")
        assert status == 503 and reason in said, (status, said)
        assert not self.is_healthy()
        eventually(lambda: "the store takes nothing" in self.status() and reason in self.status(), "a status")
        assert "READY=1" in "\n".join(self.told).split("\n"), self.told

    def sees_it_there(self):
        eventually(lambda: self.get("/healthz")[0] == 200 and self.is_healthy() and not self.status(), "health")
