"""Natives: functions of the library that have no body in Toy, as systems Python has them.

    math.Sqrt(x)        sqrt(x)
    os.write(fd, b)     os_write(g, fd, b_data, b_length)
    strings.text(b)     b_data, b_length

"{0}" stands for the first component of the arguments, and so on. A result of several components has a text for each.
None of them allocates, or keeps what it is given, but in its result.

Next: escapes.py
"""

from __future__ import annotations

NATIVES: dict[tuple[str, str], str | tuple[str, ...]] = {
    ("bytes", "view"): ("{0}", "{1}"),
    ("internal/scan", "isPointer"): "is_pointer({0})",
    ("internal/scan", "kindOf"): "kind_behind({0})",
    ("internal/scan", "retyped"): ("{2}", "{1}"),
    ("math", "Float64bits"): "bits_of({0})",
    ("math", "Float64frombits"): "float_of({0})",
    ("math", "Float32bits"): "float32_bits(g, {0})",
    ("math", "Float32frombits"): "float32_of(g, {0})",
    ("math", "Sqrt"): "sqrt({0})",
    ("math", "Abs"): "fabs({0})",
    ("math", "Floor"): "floor({0})",
    ("math", "Ceil"): "ceil({0})",
    ("math", "FMA"): "fma({0}, {1}, {2})",
    ("math", "Trunc"): "trunc({0})",
    ("math/bits", "LeadingZeros64"): "i64(clz64({0}))",
    ("math/bits", "TrailingZeros64"): "i64(ctz64({0}))",
    ("math/bits", "OnesCount64"): "i64(popcount64({0}))",
    ("math/bits", "ReverseBytes64"): "reverse_bytes({0})",
    ("os", "closeFile"): "os_close(g, {0})",
    ("os", "copyFrom"): "memmove(address({1}), uintptr({0}), u64({2}))",
    ("os", "environment"): "u64(getenv(address({0})))",
    ("os", "lengthOf"): "length_of(array_at(u8, uintptr({0})))",
    ("os", "open"): "os_open({0}, {3}, {4})",
    ("os", "read"): "os_read(g, {0}, {1}, {2})",
    ("os", "remove"): "os_remove({0})",
    ("os", "removeDirectory"): "os_remove_directory({0})",
    ("os", "write"): "os_write(g, {0}, {1}, {2})",
    ("os", "writeFile"): "os_write_file({0}, {1}, {2})",
    ("sort", "kindOf"): "kind_of({0})",
    ("sort", "lengthIn"): "length_in({0}, {1})",
    ("sort", "swapElements"): "swap_elements(g, {0}, {1}, {2}, {3})",
    ("strconv", "formedFloat"): "formed_float(g, {0}, {1}, {2}, {3})",
    ("strconv", "nearestFloat32"): "nearest_float32({0}, {1})",
    ("strconv", "nearestFloat64"): "nearest_float64({0}, {1})",
    ("strconv", "text"): ("{0}", "{1}"),
    ("strconv", "writeFloat"): "write_float(g, {0})",
    ("strings", "Compare"): "string_compare({0}, {1}, {2}, {3})",
    ("strings", "IndexByte"): "index_byte({0}, {1}, {2})",
    ("strings", "addressOf"): "address({0})",
    ("strings", "text"): ("{0}", "{1}"),
    ("time", "wallClock"): "wall_clock(g)",
    ("time", "monotonic"): "monotonic_clock(g)",
    ("unicode/utf8", "view"): ("{0}", "{1}"),
}
