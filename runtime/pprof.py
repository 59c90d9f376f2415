"""pprof: a memory profile in the format that `go tool pprof` reads: a gzipped protocol buffer.

    Profile ── sample_type   alloc_objects, alloc_space, inuse_objects, inuse_space
            ├─ sample        location ids, innermost first; the four values; a label with the slot's size
            ├─ location      one for each place in a function: function id, line
            ├─ function      name, file
            └─ string_table  all texts, by index; the first is empty

A protocol buffer is a row of fields: a number and a kind in one integer, then the value. Only two kinds occur here.

    varint   0   an integer, seven bits a byte, the lowest first; the top bit says that more follow
    bytes    2   a length, then so many bytes: a text, a message, or a row of varints

Values are estimates of everything that was allocated. An object in a slot of s bytes is sampled with the probability
1 - exp(-s / rate), so each sample stands for the reciprocal of that many objects.

Runs in Python only. Go: runtime/pprof/protomem.go, proto.go; the format is github.com/google/pprof/proto/profile.proto.
Next: refusals.py
"""

from __future__ import annotations

import gzip
import math
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from runtime.profile_records import Record

VARINT, BYTES = 0, 2

# The numbers of the fields, by message.
SAMPLE_TYPE, SAMPLE, LOCATION, FUNCTION, STRING_TABLE = 1, 2, 4, 5, 6
TIME_NANOS, PERIOD_TYPE, PERIOD, DEFAULT_SAMPLE_TYPE = 9, 11, 12, 14
VALUE_TYPE_TYPE, VALUE_TYPE_UNIT = 1, 2
SAMPLE_LOCATIONS, SAMPLE_VALUES, SAMPLE_LABEL = 1, 2, 3
LABEL_KEY, LABEL_NUM, LABEL_NUM_UNIT = 1, 3, 4
LOCATION_ID, LOCATION_LINE = 1, 4
LINE_FUNCTION, LINE_LINE = 1, 2
FUNCTION_ID, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILE = 1, 2, 3, 4

SAMPLE_TYPES = (
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
)
DEFAULT_TYPE = "alloc_space"  # as in the profiles that `go test -memprofile` writes


class Frame(NamedTuple):
    """A place in a program."""

    function: str  # its full name
    file: str
    line: int


def pprof_bytes(records: Iterable[Record], rate: int, frame_of: Callable[[int], Frame]) -> bytes:
    """The file for records that were sampled at a rate; `frame_of` tells the place that a site means."""
    return gzip.compress(_Writer(frame_of).profile(records, rate))


def scaled(count: int, size: int, rate: int) -> tuple[int, int]:
    """An estimate from so many samples of objects in slots of so many bytes: objects, and bytes."""
    if rate <= 1:
        return count, count * size
    scale = 1 / -math.expm1(-size / rate)
    return int(count * scale), int(count * size * scale)


class _Writer:
    """A profile under way: the tables that its samples refer to."""

    def __init__(self, frame_of: Callable[[int], Frame]) -> None:
        self.frame_of = frame_of
        self.strings: dict[str, int] = {"": 0}
        self.functions: dict[tuple[str, str], int] = {}  # name and file: id
        self.locations: dict[Frame, int] = {}
        self.sites: dict[int, int] = {}  # site: location id

    def profile(self, records: Iterable[Record], rate: int) -> bytes:
        """The whole message."""
        head = [message(SAMPLE_TYPE, self.value_type(*names)) for names in SAMPLE_TYPES]
        samples = [message(SAMPLE, self.sample(record, rate)) for record in records]
        locations = [
            message(LOCATION, integer(LOCATION_ID, number) + message(LOCATION_LINE, self.line(frame)))
            for frame, number in self.locations.items()
        ]
        functions = [message(FUNCTION, self.function(number, *key)) for key, number in self.functions.items()]
        tail = [
            integer(TIME_NANOS, time.time_ns()),
            message(PERIOD_TYPE, self.value_type("space", "bytes")),
            integer(PERIOD, rate),
            integer(DEFAULT_SAMPLE_TYPE, self.string(DEFAULT_TYPE)),
        ]
        texts = [message(STRING_TABLE, text.encode("utf-8", "backslashreplace")) for text in self.strings]
        return b"".join([*head, *samples, *locations, *functions, *tail, *texts])

    def string(self, text: str) -> int:
        """The index of a text."""
        return self.strings.setdefault(text, len(self.strings))

    def value_type(self, kind: str, unit: str) -> bytes:
        """What a number means."""
        return integer(VALUE_TYPE_TYPE, self.string(kind)) + integer(VALUE_TYPE_UNIT, self.string(unit))

    def sample(self, record: Record, rate: int) -> bytes:
        """One record: its stack and its estimates."""
        allocated = scaled(record.alloc_objects, record.size, rate)
        in_use = scaled(record.alloc_objects - record.free_objects, record.size, rate)
        label = integer(LABEL_KEY, self.string("bytes")) + integer(LABEL_NUM, record.size)
        label += integer(LABEL_NUM_UNIT, self.string("bytes"))
        return (
            message(SAMPLE_LOCATIONS, b"".join(varint(self.location(site)) for site in record.sites))
            + message(SAMPLE_VALUES, b"".join(map(varint, allocated + in_use)))
            + message(SAMPLE_LABEL, label)
        )

    def location(self, site: int) -> int:
        """The id of a site's location; its function gets one, too."""
        found = self.sites.get(site)
        if found is None:
            frame = self.frame_of(site)
            self.functions.setdefault((frame.function, frame.file), len(self.functions) + 1)
            found = self.sites[site] = self.locations.setdefault(frame, len(self.locations) + 1)
        return found

    def line(self, frame: Frame) -> bytes:
        """Where in which function a location is."""
        return integer(LINE_FUNCTION, self.functions[frame.function, frame.file]) + integer(LINE_LINE, frame.line)

    def function(self, number: int, name: str, file: str) -> bytes:
        """One function."""
        index = self.string(name)
        names = integer(FUNCTION_NAME, index) + integer(FUNCTION_SYSTEM_NAME, index)
        return integer(FUNCTION_ID, number) + names + integer(FUNCTION_FILE, self.string(file))


# --- The wire format -------------------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """An integer that is not negative."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(number: int, value: int) -> bytes:
    """A field with an integer."""
    return varint(number << 3 | VARINT) + varint(value)


def message(number: int, data: bytes) -> bytes:
    """A field with bytes."""
    return varint(number << 3 | BYTES) + varint(len(data)) + data
