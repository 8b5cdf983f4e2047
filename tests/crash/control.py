"""The file that a test and the gateway share: crash_control.h, word by word."""

import mmap
import struct

GOOD, FULL, READ_ONLY = range(3)
ANY_POINT = 0xFFFFFFFF
NO_POINT = 0xFFFFFFFE
HITS_MAX = 128
FIELDS = ("disk", "power_loss", "seed", "armed", "left", "killed_at", "fail_writes", "fail_syncs",
          "fail_reads", "full_in")
SIZE = 4 * (len(FIELDS) + HITS_MAX)


class Control:
    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(SIZE))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), SIZE)
        self.disarm()

    def get(self, field):
        return struct.unpack_from("=I", self.map, 4 * FIELDS.index(field))[0]

    def set(self, **values):
        for field, value in values.items():
            struct.pack_into("=I", self.map, 4 * FIELDS.index(field), value)

    def arm(self, point, count):
        self.set(killed_at=NO_POINT, left=count)
        self.set(armed=point)

    def disarm(self):
        self.set(armed=NO_POINT, killed_at=NO_POINT)

    def hits(self, count):
        return struct.unpack_from(f"={count}I", self.map, 4 * len(FIELDS))

    def close(self):
        self.map.close()
