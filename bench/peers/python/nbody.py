"""examples/nbody.toy in Python."""

import sys
from math import pi

SOLAR_MASS = 4 * pi * pi
YEAR_DAYS = 365.24


class Body:
    __slots__ = ("mass", "vx", "vy", "vz", "x", "y", "z")

    def __init__(self, x, y, z, vx, vy, vz, mass):
        self.x, self.y, self.z = x, y, z
        self.vx, self.vy, self.vz = vx, vy, vz
        self.mass = mass


# fmt: off
SYSTEM = [
    Body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, SOLAR_MASS),
    Body(4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
        1.66007664274403694e-03 * YEAR_DAYS, 7.69901118419740425e-03 * YEAR_DAYS, -6.90460016972063023e-05 * YEAR_DAYS,
        9.54791938424326609e-04 * SOLAR_MASS),
    Body(8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
        -2.76742510726411099e-03 * YEAR_DAYS, 4.99852801234917238e-03 * YEAR_DAYS, 2.30417297573763929e-05 * YEAR_DAYS,
        2.85885980666130812e-04 * SOLAR_MASS),
    Body(1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
        2.96460137564761618e-03 * YEAR_DAYS, 2.37847173959480950e-03 * YEAR_DAYS, -2.96589568540237556e-05 * YEAR_DAYS,
        4.36624404335156298e-05 * SOLAR_MASS),
    Body(1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
        2.68067772490389322e-03 * YEAR_DAYS, 1.62824170038242295e-03 * YEAR_DAYS, -9.51592254519715870e-05 * YEAR_DAYS,
        5.15138902046611451e-05 * SOLAR_MASS),
]
# fmt: on


def sqrt(x):
    if x <= 0:
        return 0.0
    root = 0.5 * (x + 1)
    while True:
        following = 0.5 * (root + x / root)
        if following >= root:
            return root
        root = following


def offset_momentum(system):
    px = py = pz = 0.0
    for b in system:
        px += b.vx * b.mass
        py += b.vy * b.mass
        pz += b.vz * b.mass
    sun = system[0]
    sun.vx, sun.vy, sun.vz = -px / SOLAR_MASS, -py / SOLAR_MASS, -pz / SOLAR_MASS


def energy(system):
    e = 0.0
    for i, b in enumerate(system):
        e += 0.5 * b.mass * (b.vx * b.vx + b.vy * b.vy + b.vz * b.vz)
        for other in system[i + 1 :]:
            dx, dy, dz = b.x - other.x, b.y - other.y, b.z - other.z
            e -= b.mass * other.mass / sqrt(dx * dx + dy * dy + dz * dz)
    return e


def advance(system, dt):
    n = len(system)
    for i in range(n):
        b = system[i]
        for j in range(i + 1, n):
            other = system[j]
            dx, dy, dz = b.x - other.x, b.y - other.y, b.z - other.z
            square = dx * dx + dy * dy + dz * dz
            magnitude = dt / (square * sqrt(square))
            b.vx -= dx * other.mass * magnitude
            b.vy -= dy * other.mass * magnitude
            b.vz -= dz * other.mass * magnitude
            other.vx += dx * b.mass * magnitude
            other.vy += dy * b.mass * magnitude
            other.vz += dz * b.mass * magnitude
    for b in system:
        b.x += dt * b.vx
        b.y += dt * b.vy
        b.z += dt * b.vz


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    offset_momentum(SYSTEM)
    before = energy(SYSTEM)
    print(f"energy before: {before:.9f}")
    for _ in range(steps):
        advance(SYSTEM, 0.01)
    after = energy(SYSTEM)
    print(f"energy after {steps} steps: {after:.9f}")
    if abs((after - before) / before) > 1e-3:
        raise AssertionError("the energy is not conserved")


main()
