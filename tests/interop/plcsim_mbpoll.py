"""mbpoll, an independent client built on libmodbus, reads and writes the simulator over TCP and RTU."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from plcsim import DEADLINE_S, Plcsim, needs_terminals, run_tests


def mbpoll(plc, *arguments, values=()):
    host, port = plc.address
    command = ["mbpoll", "-m", "tcp", "-p", str(port), "-0", "-1", "-o", "5", *arguments, host, *map(str, values)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    return done.returncode, done.stdout + done.stderr


def mbpoll_rtu(line, *arguments, values=()):
    command = ["mbpoll", "-m", "rtu", "-b", "19200", "-P", "none", "-0", "-1", "-o", "2", *arguments, line]
    done = subprocess.run(command + [str(value) for value in values], capture_output=True, text=True, timeout=DEADLINE_S)
    return done.returncode, done.stdout + done.stderr


def values_of(output):
    return {int(address): value for address, value in re.findall(r"^\[(\d+)\]:\s+(\S+)", output, re.MULTILINE)}


def reads_registers_as_numbers():
    with Plcsim() as plc:
        status, output = mbpoll(plc, "-a", "1", "-r", "0", "-c", "20")
        assert status == 0, output
        words = values_of(output)
        assert len(words) == 20 and words[16] == "800", output
        status, output = mbpoll(plc, "-a", "1", "-t", "4:float", "-B", "-r", "2", "-c", "1")
        assert status == 0 and 6 < float(values_of(output)[2]) < 10, output
        status, output = mbpoll(plc, "-a", "1", "-t", "3:float", "-r", "4", "-c", "1")
        assert status == 0 and 6 < float(values_of(output)[4]) < 10, output


def writes_a_setpoint():
    with Plcsim() as plc:
        status, output = mbpoll(plc, "-a", "2", "-r", "16", values=[555])
        assert status == 0, output
        status, output = mbpoll(plc, "-a", "2", "-r", "16", "-c", "1")
        assert values_of(output)[16] == "555", output


def writes_coils():
    with Plcsim() as plc:
        status, output = mbpoll(plc, "-a", "1", "-t", "0", "-r", "0", values=[1, 1])
        assert status == 0, output
        status, output = mbpoll(plc, "-a", "1", "-t", "1", "-r", "0", "-c", "8")
        read = values_of(output)
        assert read[0] == "1" and read[1] == "1", output


def is_told_what_is_wrong():
    with Plcsim() as plc:
        _, output = mbpoll(plc, "-a", "1", "-r", "100", "-c", "1")
        assert "Illegal data address" in output, output
        _, output = mbpoll(plc, "-a", "50", "-r", "0", "-c", "1")
        assert "Gateway path unavailable" in output, output


@needs_terminals
def polls_a_serial_line():
    with Plcsim(listen="rtu:") as plc:
        line = plc.addresses[0]
        status, output = mbpoll_rtu(line, "-a", "1", "-r", "0", "-c", "40")
        assert status == 0 and values_of(output)[16] == "800", output
        status, output = mbpoll_rtu(line, "-a", "3", "-r", "16", values=[45])
        assert status == 0, output
        status, output = mbpoll_rtu(line, "-a", "3", "-r", "16", "-c", "1")
        assert values_of(output)[16] == "45", output
        _, output = mbpoll_rtu(line, "-a", "1", "-r", "100", "-c", "1")
        assert "Illegal data address" in output, output
        _, output = mbpoll_rtu(line, "-a", "9", "-r", "0", "-c", "1", "-o", "0.3")
        assert "timed out" in output, output
        plc.stop()
        assert {row.endpoint for row in plc.truth()} == {line}


run_tests(
    [reads_registers_as_numbers, writes_a_setpoint, writes_coils, is_told_what_is_wrong, polls_a_serial_line]
)
