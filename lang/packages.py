"""Packages: the members of what a program can import, as data.

Each line is a declaration in Go's own notation, so that the whole of an importable package can be read at a glance.
What they do is in `lang/std`.

Next: check_base.py
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache

from lang.go_types import (
    ANY,
    BOOL,
    ERROR,
    FLOAT64,
    INT,
    STRING,
    UINT32,
    UINT64,
    UINTPTR,
    Array,
    Field,
    Generic,
    Instance,
    Map,
    Named,
    Param,
    Pointer,
    Signature,
    Slice,
    Struct,
    Type,
)
from lang.objects import Const, Func, Object, TypeName, Var, VarKind

LIBRARY = os.path.join(os.path.dirname(__file__), "library")

_ANYS = Slice(ANY)


def _struct(package: str, *fields: tuple[str, Type]) -> Struct:
    return Struct(tuple(Field(name, type_, package=package) for name, type_ in fields))


GOARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)

# runtime.MemStats: every field of Go's, so that programs print what they print under Go.
_MEM_STATS = (
    ("Alloc", UINT64), ("TotalAlloc", UINT64), ("Sys", UINT64), ("Lookups", UINT64), ("Mallocs", UINT64),
    ("Frees", UINT64), ("HeapAlloc", UINT64), ("HeapSys", UINT64), ("HeapIdle", UINT64), ("HeapInuse", UINT64),
    ("HeapReleased", UINT64), ("HeapObjects", UINT64), ("StackInuse", UINT64), ("StackSys", UINT64),
    ("MSpanInuse", UINT64), ("MSpanSys", UINT64), ("MCacheInuse", UINT64), ("MCacheSys", UINT64),
    ("BuckHashSys", UINT64), ("GCSys", UINT64), ("OtherSys", UINT64), ("NextGC", UINT64), ("LastGC", UINT64),
    ("PauseTotalNs", UINT64), ("PauseNs", Array(256, UINT64)), ("PauseEnd", Array(256, UINT64)), ("NumGC", UINT32),
    ("NumForcedGC", UINT32), ("GCCPUFraction", FLOAT64), ("EnableGC", BOOL), ("DebugGC", BOOL),
    ("BySize", Array(61, Struct((Field("Size", UINT32), Field("Mallocs", UINT64), Field("Frees", UINT64))))),
)  # fmt: skip


@cache
def holds_time(t: Type) -> bool:
    """Whether fmt would print a time.Time when it prints a value of the type: Go's has a text, Toy's has none."""
    seen: set[Type] = set()
    todo = [t.elem if isinstance(t, Pointer) else t]
    while todo:
        part = todo.pop()
        if part in seen:
            continue
        seen.add(part)
        if isinstance(part, Named) and (part.package, part.name) == ("time", "Time"):
            return True
        under = part.underlying
        if isinstance(under, Array | Slice):
            todo.append(under.elem)
        elif isinstance(under, Map):
            todo += [under.key, under.elem]
        elif isinstance(under, Struct):
            todo += [field.type for field in under.fields]
    return False


def _function(
    package: str, name: str, params: list[tuple[str, Type]], *results: Type | Param, variadic: bool = False
) -> Func:
    signature = Signature(
        tuple(Param(param, type_) for param, type_ in params),
        tuple(result if isinstance(result, Param) else Param("", result) for result in results),
        variadic,
    )
    return Func(name, -1, signature, package, True)


def _fmt() -> list[Object]:
    printed = (Param("n", INT), Param("err", ERROR))
    return [
        _function("fmt", "Print", [("a", _ANYS)], *printed, variadic=True),
        _function("fmt", "Println", [("a", _ANYS)], *printed, variadic=True),
        _function("fmt", "Printf", [("format", STRING), ("a", _ANYS)], *printed, variadic=True),
        _function("fmt", "Sprint", [("a", _ANYS)], STRING, variadic=True),
        _function("fmt", "Sprintln", [("a", _ANYS)], STRING, variadic=True),
        _function("fmt", "Sprintf", [("format", STRING), ("a", _ANYS)], STRING, variadic=True),
    ]


def _runtime() -> list[Object]:
    stats = Named("MemStats", -1, package="runtime")
    stats.resolve(_struct("runtime", *_MEM_STATS))
    return [
        TypeName("MemStats", -1, stats),
        _function("runtime", "GC", []),
        _function("runtime", "ReadMemStats", [("m", Pointer(stats))]),
        _function("runtime", "KeepAlive", [("x", ANY)]),
        _function("runtime", "NumGoroutine", [], INT),
        _function("runtime", "GOMAXPROCS", [("n", INT)], INT),
        _function("runtime", "NumCPU", [], INT),
        _function("runtime", "Version", [], STRING),
        _function("runtime", "Gosched", []),
        _function("runtime", "SetFinalizer", [("obj", ANY), ("finalizer", ANY)]),
        *_cleanups(),
        Const("GOOS", -1, STRING, b"linux"),
        Const("GOARCH", -1, STRING, GOARCH.encode()),
    ]


def _cleanups() -> list[Object]:
    """AddCleanup, which is generic: its parameters are for messages, check_finalizers.py knows the rules."""
    cleanup = Named("Cleanup", -1, _struct("runtime", ("id", UINT64), ("ptr", UINTPTR)), package="runtime")
    cleanup.methods["Stop"] = Func("Stop", -1, Signature((), ()), "runtime", True, cleanup)
    given = Named("S", -1, ANY)
    params: list[tuple[str, Type]] = [
        ("ptr", Pointer(Named("T", -1, ANY))),
        ("cleanup", Signature((Param("", given),), ())),
        ("arg", given),
    ]
    return [TypeName("Cleanup", -1, cleanup), _function("runtime", "AddCleanup", params, cleanup)]


def _os() -> list[Object]:
    return [
        Var("Args", -1, Slice(STRING), VarKind.GLOBAL, used=True),
        _function("os", "Exit", [("code", INT)]),
    ]


_UNSAFE_POINTER = Named("Pointer", -1, Pointer(UINTPTR), package="unsafe")


def weak_pointer(elem: Type) -> Instance:
    """weak.Pointer[elem]: u leads to the handle of runtime/weak.py, _ keeps pointers to different types apart."""
    fields = _struct("weak", ("_", Array(0, Pointer(elem))), ("u", _UNSAFE_POINTER))
    pointer = Instance("Pointer", "weak", (elem,), fields)
    value = Signature((), (Param("", Pointer(elem)),))
    pointer.methods["Value"] = Func("Value", -1, value, "weak", True, pointer)
    return pointer


def weak_make(elem: Type) -> Func:
    """weak.Make[elem]"""
    return _function("weak", "Make", [("ptr", Pointer(elem))], weak_pointer(elem))


def _weak() -> list[Object]:
    """All that is generic in the packages, but for AddCleanup. How its types are told: check_generics.py."""
    make = weak_make(Named("T", -1, ANY))
    make.type, make.instance = replace(make.signature, type_params="T any"), weak_make
    return [TypeName("Pointer", -1, Generic("Pointer", "weak", "T any", weak_pointer)), make]


_BUILDERS = {"fmt": _fmt, "runtime": _runtime, "os": _os, "weak": _weak}


_SCAN = "Fscan Fscanf Fscanln Scan Scanf Scanln Sscan Sscanf Sscanln"

# Members that are written in a file of their own, which costs nothing where none of them is used.
PARTS = {"fmt": dict.fromkeys(_SCAN.split(), "internal/scan")}


def is_package(path: str, importer: str) -> bool:
    """Whether a package can import another: what is internal, a program, whose name is "", cannot."""
    if path.startswith("internal/") and not importer:
        return False
    return path in _BUILDERS or path in library_paths()


def library_file(path: str) -> str:
    """Where the part of a package is that is written in Toy."""
    return os.path.join(LIBRARY, f"{path}.toy")


@cache
def path_of(name: str) -> str:
    """The path of the package of that name; "" of a program's own."""
    paths = [path for path in [*_BUILDERS, *library_paths(), "unsafe"] if path.rpartition("/")[2] == name]
    return paths[0] if paths else ""


@cache
def library_paths() -> list[str]:
    """All packages, and parts of packages, that are written in Toy."""
    files = (os.path.join(folder, name) for folder, _, names in os.walk(LIBRARY) for name in names)
    return sorted(os.path.relpath(file, LIBRARY).removesuffix(".toy") for file in files if file.endswith(".toy"))


@cache
def native_members(path: str) -> dict[str, Object]:
    """The exported objects of a package that are not written in Toy."""
    return {member.name: member for member in _BUILDERS[path]()} if path in _BUILDERS else {}


# Packages of Go's own library: importing one of them is no mistake, only too early.
GO_PACKAGES = frozenset(
    """archive/tar archive/zip bufio bytes cmp compress/bzip2 compress/flate compress/gzip compress/lzw compress/zlib
    container/heap container/list container/ring context crypto crypto/aes crypto/cipher crypto/des crypto/dsa
    crypto/ecdh crypto/ecdsa crypto/ed25519 crypto/elliptic crypto/fips140 crypto/hkdf crypto/hmac crypto/hpke
    crypto/md5 crypto/mldsa crypto/mlkem crypto/mlkem/mlkemtest crypto/pbkdf2 crypto/rand crypto/rc4 crypto/rsa
    crypto/sha1 crypto/sha256 crypto/sha3 crypto/sha512 crypto/subtle crypto/tls crypto/x509 crypto/x509/pkix
    database/sql database/sql/driver debug/buildinfo debug/dwarf debug/elf debug/gosym debug/macho debug/pe
    debug/plan9obj embed encoding encoding/ascii85 encoding/asn1 encoding/base32 encoding/base64 encoding/binary
    encoding/csv encoding/gob encoding/hex encoding/json encoding/json/jsontext encoding/json/v2 encoding/pem
    encoding/xml errors expvar flag fmt go/ast go/build go/build/constraint go/constant go/doc go/doc/comment
    go/format go/importer go/parser go/printer go/scanner go/token go/types go/version hash hash/adler32 hash/crc32
    hash/crc64 hash/fnv hash/maphash html html/template image image/color image/color/palette image/draw image/gif
    image/jpeg image/png index/suffixarray io io/fs io/ioutil iter log log/slog log/syslog maps math math/big
    math/bits math/cmplx math/rand math/rand/v2 mime mime/multipart mime/quotedprintable net net/http net/http/cgi
    net/http/cookiejar net/http/fcgi net/http/httptest net/http/httptrace net/http/httputil net/http/pprof net/mail
    net/netip net/rpc net/rpc/jsonrpc net/smtp net/textproto net/url os os/exec os/signal os/user path path/filepath
    plugin reflect regexp regexp/syntax runtime runtime/cgo runtime/coverage runtime/debug runtime/metrics
    runtime/pprof runtime/race runtime/trace slices sort strconv strings structs sync sync/atomic syscall testing
    testing/cryptotest testing/fstest testing/iotest testing/quick testing/slogtest testing/synctest text/scanner
    text/tabwriter text/template text/template/parse time time/tzdata unicode unicode/utf16 unicode/utf8 unique
    unsafe uuid weak""".split()
)
