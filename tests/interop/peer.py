#!/usr/bin/env python3
"""A bridge and a server that speak "bourdon/1", written from docs/protocol.md and not from the C code.

  peer.py check docs/protocol.md          every example of the document decodes, and encodes to the same bytes
  peer.py bridge TRANSPORT [--batches N]  delivers batches with a catalog of its own, prints the acks as JSON lines
  peer.py server TRANSPORT                takes one session, prints readings and gaps as JSON lines

TRANSPORT is --connect HOST:PORT or --listen HOST:PORT with --ca, --certificate and --key, or --exec COMMAND… (last):
the other end as a child process on its standard input and output, without TLS.
"""

import argparse
import hashlib
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import time

import cbor2
import zstandard

HELLO, OPEN, WELCOME, CATALOG, CATALOG_ACK, BATCH, ACK, TEST, TEST_ACK, BYE = range(1, 11)
NAMES = dict(zip(range(1, 11), "HELLO OPEN WELCOME CATALOG CATALOG_ACK BATCH ACK TEST TEST_ACK BYE".split()))
RESULTS = ["committed", "duplicate", "retry_after", "rejected"]
COMMITTED, DUPLICATE, RETRY_AFTER, REJECTED = range(4)
FIRST_BAD_QUALITY = 16
STRING = 12
DEADLINE_S = 20


class ProtocolError(Exception):
    pass


def need(condition, text):
    if not condition:
        raise ProtocolError(text)


# Section 2: CBOR in one form, varints, zigzag.


def decode(data):
    value = cbor2.loads(data)
    need(cbor2.dumps(value) == data, "not the one CBOR form, or bytes behind the end")
    return value


def put_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_zigzag(value):
    return put_varint(value << 1 if value >= 0 else (-value << 1) - 1)


class Column:
    """A column of varints and bytes, read to its end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        need(self.at < len(self.data), "a column is too short")
        self.at += 1
        return self.data[self.at - 1]

    def take(self, size):
        need(self.at + size <= len(self.data), "a column is too short")
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            need(shift < 64 and not (shift and byte == 0), "not the shortest varint")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                need(value < 1 << 64, "varint of more than 64 bits")
                return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)

    def is_used_up(self):
        return self.at == len(self.data)


# Section 5: the catalog.

TAG_FIELDS = "name unit link unit_id table address type order bit words scale offset priority".split()


def encode_catalog(tags):
    return cbor2.dumps([1, [[tag[field] for field in TAG_FIELDS] for tag in tags]])


def decode_catalog(data):
    form, tags = decode(data)
    need(form == 1, "unknown format of a catalog")
    return [dict(zip(TAG_FIELDS, tag)) for tag in tags]


def join(tag, words):
    words = list(words)
    if tag["order"] & 1:
        words.reverse()
    if tag["order"] & 2:
        words = [(word >> 8 | word << 8) & 0xFFFF for word in words]
    bits = 0
    for word in words:
        bits = bits << 16 | word
    return bits


def split(tag, bits):
    words = [bits >> 16 * i & 0xFFFF for i in reversed(range(tag["words"]))]
    if tag["order"] & 2:
        words = [(word >> 8 | word << 8) & 0xFFFF for word in words]
    return words[::-1] if tag["order"] & 1 else words


def value_of(tag, words):
    kind, bits = tag["type"], join(tag, words)
    size = 16 * tag["words"]
    if kind == STRING:
        return b"".join(struct.pack(">H", word) for word in words).split(b"\0")[0].decode("latin-1")
    if kind == 1:
        return bool(bits >> tag["bit"] & 1)
    if kind in (2, 4, 6):
        raw = bits - (1 << size) if bits >> size - 1 else bits
    elif kind in (8, 9):
        raw = struct.unpack(">f" if kind == 8 else ">d", bits.to_bytes(size // 8, "big"))[0]
    elif kind in (10, 11):
        raw = int(f"{bits:x}")
    else:
        raw = bits
    return raw * tag["scale"] + tag["offset"]


# Section 6: batches.


def fold(difference, width):
    difference &= (1 << width) - 1
    negative = difference >> width - 1
    return (difference << 1 ^ -negative) & (1 << width) - 1


def unfold(folded, width):
    return (folded >> 1 ^ -(folded & 1)) & (1 << width) - 1


def planes(numbers, width):
    return bytes(number >> shift & 0xFF for shift in range(width - 8, -1, -8) for number in numbers)


def from_planes(data, width):
    size = width // 8
    need(len(data) % size == 0, "a column of numbers is cut")
    count = len(data) // size
    return [int.from_bytes(bytes(data[k * count + i] for k in range(size)), "big") for i in range(count)]


def seal(epoch, sequence, kind, catalog_hash, count, first_us, last_us, body):
    squeezed = zstandard.ZstdCompressor(level=1).compress(body) if kind == 1 else body
    compressed = len(squeezed) < len(body)
    items = [1, kind, epoch, sequence, catalog_hash, count, first_us, last_us, compressed, len(body)]
    items.append(squeezed if compressed else body)
    unsigned = b"\x8c" + b"".join(cbor2.dumps(item) for item in items)
    return unsigned + b"\x50" + hashlib.sha256(unsigned).digest()[:16]


def encode_batch(epoch, sequence, catalog, tags, readings):
    """`readings` are (tag index, request_us, response_us, quality, words or None)."""
    stamps, stamped = [], []
    for tag, request, response, quality, words in readings:
        if not stamps or stamps[-1] != (request, response):
            stamps.append((request, response))
        stamped.append((tag, len(stamps) - 1, quality, words))
    stamped.sort(key=lambda reading: reading[0])
    first_us, last_us = min(stamp[0] for stamp in stamps), max(stamp[1] for stamp in stamps)

    columns = {name: b"" for name in ("stamps", "tags", "times", "qualities", "strings")}
    numbers = {16: [], 32: [], 64: []}
    before = first_us
    for request, response in stamps:
        columns["stamps"] += put_zigzag(request - before) + put_zigzag(response - request)
        before = request
    runs = []
    last_tag, first_stamp = -1, 0
    for tag in sorted({reading[0] for reading in stamped}):
        mine = [reading for reading in stamped if reading[0] == tag]
        columns["tags"] += put_varint(tag - last_tag - 1) + put_varint(len(mine) - 1)
        last_tag, at, bits_before = tag, first_stamp, 0
        first_stamp = mine[0][1]
        width = 16 * tags[tag]["words"]
        for _, stamp, quality, words in mine:
            columns["times"] += put_zigzag(stamp - at)
            at = stamp
            if runs and runs[-1][0] == quality:
                runs[-1][1] += 1
            else:
                runs.append([quality, 1])
            if quality >= FIRST_BAD_QUALITY:
                continue
            if tags[tag]["type"] == STRING:
                columns["strings"] += b"".join(struct.pack(">H", word) for word in words)
                continue
            bits = join(tags[tag], words)
            numbers[width].append(fold(bits - bits_before, width))
            bits_before = bits
    columns["qualities"] = b"".join(bytes([quality]) + put_varint(length - 1) for quality, length in runs)
    body = cbor2.dumps(
        [columns["stamps"], columns["tags"], columns["times"], columns["qualities"]]
        + [planes(numbers[width], width) for width in (16, 32, 64)]
        + [columns["strings"]]
    )
    return seal(epoch, sequence, 1, hashlib.sha256(catalog).digest(), len(readings), first_us, last_us, body)


GAP_FIELDS = "reason first_sequence last_sequence readings from_us to_us link".split()


def encode_gaps(epoch, sequence, gaps):
    body = cbor2.dumps([[gap[field] for field in GAP_FIELDS] for gap in gaps])
    first_us = min([gap["from_us"] for gap in gaps if gap["from_us"]], default=0)
    return seal(epoch, sequence, 2, b"", len(gaps), first_us, max(gap["to_us"] for gap in gaps), body)


HEAD_FIELDS = (
    "format kind epoch sequence catalog_hash count first_us last_us compressed body_size body digest".split()
)


def open_batch(data):
    batch = dict(zip(HEAD_FIELDS, decode(data)))
    need(batch["format"] == 1, "unknown format of a batch")
    need(hashlib.sha256(data[:-17]).digest()[:16] == batch["digest"], "wrong digest")
    need(batch["body_size"] <= 16 << 20, "body too large")
    if batch["compressed"]:
        batch["body"] = zstandard.ZstdDecompressor().decompress(batch["body"])
    need(len(batch["body"]) == batch["body_size"], "body of another size than the head says")
    return batch


def read_stamps(column, batch):
    stamps, before = [], batch["first_us"]
    while not column.is_used_up():
        before += column.zigzag()
        stamps.append((before, before + column.zigzag()))
    need(min(stamp[0] for stamp in stamps) == batch["first_us"], "first_us is not the smallest request time")
    need(max(stamp[1] for stamp in stamps) == batch["last_us"], "last_us is not the largest response time")
    return stamps


def decode_readings(batch, tags):
    body = decode(batch["body"])
    columns = [Column(part) for part in body[:4]]
    stamp_column, tag_column, times, qualities = columns
    strings = Column(body[7])
    stamps = read_stamps(stamp_column, batch)
    numbers = {width: iter(from_planes(body[4 + i], width)) for i, width in enumerate((16, 32, 64))}
    readings = []
    quality, run, last_tag, first_stamp = None, 0, -1, 0
    while len(readings) < batch["count"]:
        last_tag += 1 + tag_column.varint()
        need(last_tag < len(tags), "a tag outside the catalog")
        tag, width = tags[last_tag], 16 * tags[last_tag]["words"]
        at, bits = first_stamp, 0
        for nth in range(1 + tag_column.varint()):
            at += times.zigzag()
            need(0 <= at < len(stamps), "an unknown stamp")
            first_stamp = at if nth == 0 else first_stamp
            if run == 0:
                quality, run = qualities.byte(), 1 + qualities.varint()
            run -= 1
            words = None
            if quality < FIRST_BAD_QUALITY and tag["type"] == STRING:
                words = list(struct.unpack(f">{tag['words']}H", strings.take(2 * tag["words"])))
            elif quality < FIRST_BAD_QUALITY:
                bits = bits + unfold(next(numbers[width]), width) & (1 << width) - 1
                words = split(tag, bits)
            readings.append((last_tag, *stamps[at], quality, words))
    need(len(readings) == batch["count"] and run == 0, "count and columns differ")
    left = [column for column in columns + [strings] if not column.is_used_up()]
    need(not left and all(next(rest, None) is None for rest in numbers.values()), "a column is too long")
    return readings


def decode_gaps(batch):
    gaps = [dict(zip(GAP_FIELDS, gap)) for gap in decode(batch["body"])]
    need(len(gaps) == batch["count"], "count and gaps differ")
    return gaps


# Section 3: frames, over anything that reads and writes bytes.


class Wire:
    def __init__(self, read, write, close):
        self.read, self.write, self.close = read, write, close
        self.kept = b""

    def exactly(self, size):
        while len(self.kept) < size:
            more = self.read()
            need(more, "the stream ended")
            self.kept += more
        data, self.kept = self.kept[:size], self.kept[size:]
        return data

    def send(self, kind, payload):
        self.write(struct.pack(">IB", len(payload), kind) + payload)

    def send_cbor(self, kind, value):
        self.send(kind, cbor2.dumps(value))

    def receive(self):
        size, kind = struct.unpack(">IB", self.exactly(5))
        need(kind in NAMES, f"unknown type {kind}")
        return kind, self.exactly(size)

    def expect(self, *kinds):
        """The next frame that is one of these; answers TEST and takes an empty ACK for a sign of life."""
        while True:
            kind, payload = self.receive()
            if kind == TEST:
                self.send_cbor(TEST_ACK, [])
            elif kind == BYE and BYE not in kinds:
                raise ProtocolError(f"the other end said BYE {decode(payload)}")
            elif kind == ACK and decode(payload) == []:
                continue
            else:
                need(kind in kinds, f"{NAMES[kind]} out of place")
                return kind, payload


def say(**fields):
    print(json.dumps(fields), flush=True)


# Section 4: the two ends.

EXAMPLE_TAGS = [
    ("pump/pressure", "kPa", 3, 3, 0, 1, 0.1),
    ("pump/flow", "m3/h", 8, 4, 1, 2, 1.0),
    ("pump/hours", "h", 7, 4, 2, 4, 1.0),
    ("pump/name", "", STRING, 4, 0, 4, 1.0),
    ("pump/running", "", 1, 1, 0, 1, 1.0),
]


def example_tags():
    tags = []
    for index, (name, unit, kind, table, order, words, scale) in enumerate(EXAMPLE_TAGS):
        tag = dict(name=name, unit=unit, link="pump-plc", unit_id=1, table=table, address=index * 10, type=kind)
        tag.update(order=order, bit=0, words=words, scale=scale, offset=0.0, priority=0)
        tags.append(tag)
    return tags


def example_readings(tags, number):
    start_us = 1700000000000000 + number * 10000000
    readings = []
    for scan in range(20):
        request, response = start_us + scan * 500000, start_us + scan * 500000 + 900 + scan
        flow = struct.unpack(">I", struct.pack(">f", 12.5 + scan / 8))[0]
        name = [0x5031, 0x0000, 0x0000, 0x0000]
        words = [[4000 + scan % 3], split(tags[1], flow), split(tags[2], 70000 + scan), name, [scan & 1]]
        for tag in range(len(tags)):
            bad = scan == 7 and tag == 1
            readings.append((tag, request, response, 34 if bad else 0, None if bad else words[tag]))
    return readings


def run_bridge(wire, batches):
    kind, payload = wire.expect(HELLO)
    hello = decode(payload)
    need(hello[0] <= 1 <= hello[1], "no common version")
    say(event="hello", server=hello[2], window_batches=hello[6])
    epoch = os.urandom(16)
    wire.send_cbor(OPEN, [1, "peer.py", epoch, 1, batches + 2])
    contiguous, highest = decode(wire.expect(WELCOME)[1])
    need((contiguous, highest) == (0, 0), "a new epoch of which the server has batches")
    tags = example_tags()
    catalog = encode_catalog(tags)
    wire.send(CATALOG, catalog)
    waiting = {"catalog"}
    sizes = {}
    window = min(hello[6], max(1, hello[7] // hello[4]))
    for sequence in range(1, batches + 2):
        if sequence <= batches:
            batch = encode_batch(epoch, sequence, catalog, tags, example_readings(tags, sequence))
        else:
            gap = dict(reason=4, first_sequence=0, last_sequence=0, readings=0, from_us=5, to_us=6, link="pump-plc")
            batch = encode_gaps(epoch, sequence, [gap])
        sizes[sequence] = len(batch)
        while len(waiting - {"catalog"}) >= window:
            take_answer(wire, waiting, sizes, catalog)
        waiting.add(sequence)
        wire.send(BATCH, struct.pack(">BQ", sequence % 2, sequence) + batch)
    while waiting:
        take_answer(wire, waiting, sizes, catalog)
    wire.send_cbor(BYE, [0, "done"])
    wire.expect(BYE)
    wire.close()


def take_answer(wire, waiting, sizes, catalog):
    kind, payload = wire.expect(ACK, CATALOG_ACK)
    if kind == CATALOG_ACK:
        digest, result, text = decode(payload)
        need(digest == hashlib.sha256(catalog).digest(), "an answer to another catalog")
        need(result in (COMMITTED, DUPLICATE), f"catalog {RESULTS[result]}: {text}")
        waiting.remove("catalog")
        say(event="catalog_acked", result=RESULTS[result])
        return
    for first, last, result, committed_us, delay_ms, text in decode(payload):
        for sequence in range(first, last + 1):
            need(sequence in waiting, f"an ack of {sequence}, which is not in flight")
            waiting.remove(sequence)
            say(event="acked", seq=sequence, result=RESULTS[result], bytes=sizes[sequence], text=text)
        need(result in (COMMITTED, DUPLICATE), f"batch {RESULTS[result]}: {text}")


def run_server(wire):
    now_us = time.time_ns() // 1000
    hello = [1, 1, "peer.py", os.urandom(16), 1 << 20, 1 << 24, 8, 1 << 22, 15000, 10000, 20000, now_us]
    wire.send_cbor(HELLO, hello)
    version, software, epoch, first, following = decode(wire.expect(OPEN)[1])
    need(version == 1, "a version that was not offered")
    say(event="open", software=software, epoch=epoch.hex(), first=first, next=following)
    wire.send_cbor(WELCOME, [0, 0])
    catalogs = {}
    while True:
        kind, payload = wire.expect(CATALOG, BATCH, BYE)
        if kind == BYE:
            say(event="bye", reason=decode(payload)[0], text=decode(payload)[1])
            wire.send_cbor(BYE, [0, ""])
            wire.close()
            return
        if kind == CATALOG:
            digest = hashlib.sha256(payload).digest()
            catalogs[digest] = decode_catalog(payload)
            wire.send_cbor(CATALOG_ACK, [digest, COMMITTED, ""])
            continue
        flags, sequence = struct.unpack(">BQ", payload[:9])
        batch = open_batch(payload[9:])
        need(batch["epoch"] == epoch and batch["sequence"] == sequence, "a batch of another identity")
        show_batch(batch, catalogs, flags == 1)
        wire.send_cbor(ACK, [[sequence, sequence, COMMITTED, now_us, 0, ""]])


def show_batch(batch, catalogs, historical):
    say(event="batch", seq=batch["sequence"], count=batch["count"], historical=historical)
    if batch["kind"] == 2:
        for gap in decode_gaps(batch):
            say(event="gap", **gap)
        return
    tags = catalogs[batch["catalog_hash"]]
    for index, request, response, quality, words in decode_readings(batch, tags):
        tag = tags[index]
        value = None if words is None else value_of(tag, words)
        where = dict(unit_id=tag["unit_id"], table=tag["table"], address=tag["address"], words=words)
        when = dict(request_us=request, response_us=response)
        say(event="reading", tag=tag["name"], quality=quality, value=value, **when, **where)


# Transports.


def over_pipes(command):
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read():
        ready, _, _ = select.select([child.stdout], [], [], DEADLINE_S)
        need(ready, "nothing came in time")
        return os.read(child.stdout.fileno(), 65536)

    def write(data):
        child.stdin.write(data)
        child.stdin.flush()

    def close():
        child.stdin.close()
        need(child.wait(DEADLINE_S) == 0, f"the other end failed: {child.returncode}")

    return Wire(read, write, close)


def over_tls(options):
    server_side = options.listen is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(options.ca)
    context.load_cert_chain(options.certificate, options.key)
    context.set_alpn_protocols(["bourdon/1"])
    host, _, port = (options.listen or options.connect).rpartition(":")
    if server_side:
        listener = socket.create_server((host, int(port)))
        listener.settimeout(DEADLINE_S)
        say(event="listening", port=listener.getsockname()[1])
        plain, _ = listener.accept()
        plain.settimeout(DEADLINE_S)
        tls = context.wrap_socket(plain, server_side=True)
        names = [value for kind, value in tls.getpeercert()["subjectAltName"] if kind == "URI"]
        need(any(name.startswith("urn:bourdon:bridge:") for name in names), f"no bridge's name in {names}")
        say(event="connected", names=names)
    else:
        plain = socket.create_connection((host, int(port)), timeout=DEADLINE_S)
        tls = context.wrap_socket(plain, server_hostname=options.server_name or host)
    need(tls.selected_alpn_protocol() == "bourdon/1", "no ALPN")

    def close():
        tls.unwrap().close()

    return Wire(lambda: tls.recv(65536), tls.sendall, close)


# The examples of the document.


def hex_blocks(path):
    blocks, name = {}, None
    for line in open(path, encoding="utf-8"):
        if line.startswith("```hex "):
            name = line.split()[1]
            blocks[name] = b""
        elif line.startswith("```"):
            name = None
        elif name:
            blocks[name] += bytes.fromhex(line.split(";")[0])
    return blocks


def check_document(path):
    blocks = hex_blocks(path)
    tags = decode_catalog(blocks["catalog"])
    need(encode_catalog(tags) == blocks["catalog"], "catalog differs")
    batch = open_batch(blocks["batch"])
    readings = decode_readings(batch, tags)
    for tag, request, response, quality, words in readings:
        value = None if words is None else value_of(tags[tag], words)
        say(tag=tags[tag]["name"], request_us=request, quality=quality, value=value)
    in_order_of_time = sorted(readings, key=lambda reading: reading[1])
    again = encode_batch(batch["epoch"], batch["sequence"], blocks["catalog"], tags, in_order_of_time)
    need(again == blocks["batch"], "batch differs")
    gap_batch = open_batch(blocks["gap-batch"])
    again = encode_gaps(gap_batch["epoch"], gap_batch["sequence"], decode_gaps(gap_batch))
    need(again == blocks["gap-batch"], "gap batch differs")
    for name, block in blocks.items():
        if name.startswith("frame-"):
            check_frame(name, block, blocks)


def check_frame(name, block, blocks):
    size, kind = struct.unpack(">IB", block[:5])
    need(size == len(block) - 5 and kind in NAMES, f"{name}: wrong head")
    if kind == CATALOG:
        need(block[5:] == blocks["catalog"], f"{name} differs")
    elif kind == BATCH:
        need(block[14:] in (blocks["batch"], blocks["gap-batch"]), f"{name} differs")
    else:
        decode(block[5:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["check", "bridge", "server"])
    parser.add_argument("document", nargs="?")
    parser.add_argument("--connect", metavar="HOST:PORT")
    parser.add_argument("--listen", metavar="HOST:PORT")
    parser.add_argument("--server-name", help="name to expect in the server's certificate")
    parser.add_argument("--ca")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--exec", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.role == "check":
        check_document(options.document)
        return
    wire = over_pipes(options.exec) if options.exec else over_tls(options)
    if options.role == "bridge":
        run_bridge(wire, options.batches)
    else:
        run_server(wire)


if __name__ == "__main__":
    try:
        main()
    except ProtocolError as error:
        sys.exit(f"peer.py: {error}")
