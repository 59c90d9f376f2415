"""Printable: which code points %q shows as they are, and which it escapes.

A code point is printable when Unicode counts it as a letter, mark, number, punctuation or symbol, or when it is the
ASCII space. Unicode changes every year and Python's copy of it differs between Python versions, so the answer is kept
here, for the Unicode 17 of Go 1.27, as the lengths of the runs of code points that alternate between "no" and "yes":

    RUNS      32 no, 95 yes, 34 no, ...       one number each, in characters of ALPHABET:
    number    one of the first FINAL characters says n; any other says: its index + BASE * what follows

    PT1  the runs end before the last code point, 0x10FFFF

Owner: nobody; constants. Go: strconv/isprint.go. tests/std/test_quote.py compares with Go.     Next: quote.py
"""

from __future__ import annotations

from runtime.syspy import i32, i64, table, u32

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_{|}~"
FINAL = 72
BASE = len(ALPHABET) - FINAL
RUNS = (
    "W~1YC1^r2647111K1<R1c2o231t8R46HM1;A1m2x2@2Ex2n2F1S211B5W7>01@718222M1711342922248142152P2316422M17121212211"
    "542233174117HA319131M1712152A131321F42C771318222M1712152922237342152IA216331432111232333C4533142161EL5D131N1"
    "G291314721312242A7M131N1A152913147253142A13CD131p13164G2Q131I3O191127314611186A23Cw4Tb211151O111N2511171A24W"
    ";01a4d1a1F1Db^A11512@P142711142f142X142711142F1v142(2W3Q6=1262?l1S3@17M9O9KCD1312C}12A6A6E1B6@17h5+AV1C4C413"
    "g25Bi4Q6B3!2%1T2B6A6E2k2CK@01}78y3F3!5h2B8h5^c262c26281111111V2r1F1E261J2319HO8lH22R1D3YEXF{54^nMBL;<62}P5j1"
    "1512u72EO97171717171717171^4YQ1@1C}BQG1#1=12_25h1}11=19m1<~?A3t9;NK?98@CKy3A6u8+8C6{3BU3^01B4X1t9E2A2_2OSA62"
    "62697171y4^42A6;<-CN4n?=q^O2}2c7C55Q151112121=mWg6p1J14451>54}9362626233717D22C1Q1J121F2EY>4534j3?11D31lk}4T"
    "3nFS4a9U5h5U1b4Eg=72A6a4a4e8qBC1F17121B1F17123qC~J9MA8O61g19*6211i12312N1;089mJ125X3R5Rcu4K2o1258131T234A797"
    "$Wd4C9s3T2R5Q74C7{0<0tpDp7k8A6c3T82?BV1g1322G689Xk8gMQcSKN9^04a9!15DP7A6r1I8d9;21KBI1l!711141F1B6x5A6418222M"
    "1712151A22232161572735BA11211c1A1121141A1282T{115U;08A}7s2cY*BA6DJw6A6KSR2F4N@9y?2~0C82128121U122C9A+82k2BR;"
    "08~0D<07A=18?1YEA691j1EAT3W2M1E<07121i3112198A66121b12167A6i4A^EP7H1f3T<11FoD~+^2>315B?A{|B>2D?~0GMA~=L5_g<;"
    "fw^^5@f7V1A4|01A6U26A+AA171L5J;Uw^A_15P2Pi>04v7H$5B79=|ifW<2_3<~r417121>IF1T321E48;R?^9~25D397A24;}K<F3?U6NF"
    "HFk2N9{3y^EAd2=08?3L+=4KCKC>19P>5<11-122122241C11171%1428171S141511371?M2?I2^qF51F;=1V66|B71H2712155!X1?3j3E"
    "2A42{KVHw51{Wg}Bh41;AV1M82{C714121F1@A2Gf?04A42@x)?0z=A41R1211211A141111614111111312112111111111121124171414"
    "111A1H53151Hq2^Gi4?2CF2F1F1bA^8uTDi4972E6}6<?03H3D3=C6C41FC4u8A6e8U2C42E9d{M8E2D3B3v114G2C4A7>61_2|_0;==IW=~"
    "N2=_X2|?jF}j^_A=d^~3_|R5^@q^=;_R;E"
)


def _boundaries() -> list[int]:
    """Where the answer changes; first from "no" to "yes"."""
    found, at, scale, length = [], 0, 1, 0
    for digit in map(ALPHABET.index, RUNS):
        length += scale * digit
        scale *= BASE
        if digit < FINAL:
            at += length
            found.append(at)
            scale, length = 1, 0
    return found


_FOUND = _boundaries()
BOUNDARY_COUNT = len(_FOUND)
BOUNDARIES = table(u32, _FOUND)

assert _FOUND[-1] <= 0x10FFFF, "PT1: the runs of printable code points are too long"


def is_printable(r: i32) -> bool:
    """Is the code point shown as it is?"""
    if r < 0x7F:
        return r >= 0x20
    low: i64 = 0  # boundaries before low are <= r
    high: i64 = BOUNDARY_COUNT  # boundaries from high on are > r
    while low < high:
        middle = (low + high) // 2
        if i64(BOUNDARIES[middle]) <= i64(r):
            low = middle + 1
        else:
            high = middle
    return low & 1 == 1
