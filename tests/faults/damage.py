"""Files that are not what they were: a bit flipped, or the end cut off, at places drawn by chance.

    damage = Damage.draw(chance, path)      # once in a while in the header, or in the log beside the database
    damage.do(path)
"""

import os
import shutil
from collections import namedtuple

HEADER = 100  # bytes: what SQLite calls the database header
BESIDE = ("", "-wal")


class Damage(namedtuple("Damage", "suffix kind at bit")):
    @staticmethod
    def draw(chance, path):
        suffixes = [suffix for suffix in BESIDE if os.path.exists(path + suffix) and os.path.getsize(path + suffix)]
        suffix = chance.choices(suffixes, [os.path.getsize(path + suffix) for suffix in suffixes])[0]
        size = os.path.getsize(path + suffix)
        kind = chance.choices(["flip", "header", "cut"], [70, 10, 20])[0]
        return Damage(suffix, kind, chance.randrange(HEADER if kind == "header" else size), chance.randrange(8))

    def do(self, path):
        with open(path + self.suffix, "r+b") as file:
            if self.kind == "cut":
                file.truncate(self.at)
                return
            file.seek(self.at)
            byte = file.read(1)[0]
            file.seek(self.at)
            file.write(bytes([byte ^ 1 << self.bit]))

    def __str__(self):
        return f"{self.kind} at {self.at}.{self.bit} of the {'log' if self.suffix else 'database'}"


def copy_database(path, to):
    for suffix in BESIDE:
        if os.path.exists(path + suffix):
            shutil.copy(path + suffix, to + suffix)
