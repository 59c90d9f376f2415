// examples/nbody.toy in JavaScript.
"use strict";

const solarMass = 4 * Math.PI * Math.PI;
const yearDays = 365.24;

class Body {
  constructor(x, y, z, vx, vy, vz, mass) {
    this.x = x;
    this.y = y;
    this.z = z;
    this.vx = vx;
    this.vy = vy;
    this.vz = vz;
    this.mass = mass;
  }
}

// prettier-ignore
const system = [
  new Body(0, 0, 0, 0, 0, 0, solarMass),
  new Body(4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
    1.66007664274403694e-03 * yearDays, 7.69901118419740425e-03 * yearDays, -6.90460016972063023e-05 * yearDays, 9.54791938424326609e-04 * solarMass),
  new Body(8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
    -2.76742510726411099e-03 * yearDays, 4.99852801234917238e-03 * yearDays, 2.30417297573763929e-05 * yearDays, 2.85885980666130812e-04 * solarMass),
  new Body(1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
    2.96460137564761618e-03 * yearDays, 2.37847173959480950e-03 * yearDays, -2.96589568540237556e-05 * yearDays, 4.36624404335156298e-05 * solarMass),
  new Body(1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
    2.68067772490389322e-03 * yearDays, 1.62824170038242295e-03 * yearDays, -9.51592254519715870e-05 * yearDays, 5.15138902046611451e-05 * solarMass),
];

function sqrt(x) {
  if (x <= 0) return 0;
  let root = 0.5 * (x + 1);
  for (;;) {
    const next = 0.5 * (root + x / root);
    if (next >= root) return root;
    root = next;
  }
}

function offsetMomentum() {
  let px = 0, py = 0, pz = 0;
  for (const b of system) {
    px += b.vx * b.mass;
    py += b.vy * b.mass;
    pz += b.vz * b.mass;
  }
  const sun = system[0];
  sun.vx = -px / solarMass;
  sun.vy = -py / solarMass;
  sun.vz = -pz / solarMass;
}

function energy() {
  let e = 0;
  for (let i = 0; i < system.length; i++) {
    const b = system[i];
    e += 0.5 * b.mass * (b.vx * b.vx + b.vy * b.vy + b.vz * b.vz);
    for (let j = i + 1; j < system.length; j++) {
      const other = system[j];
      const dx = b.x - other.x, dy = b.y - other.y, dz = b.z - other.z;
      e -= (b.mass * other.mass) / sqrt(dx * dx + dy * dy + dz * dz);
    }
  }
  return e;
}

function advance(dt) {
  for (let i = 0; i < system.length; i++) {
    const b = system[i];
    for (let j = i + 1; j < system.length; j++) {
      const other = system[j];
      const dx = b.x - other.x, dy = b.y - other.y, dz = b.z - other.z;
      const square = dx * dx + dy * dy + dz * dz;
      const magnitude = dt / (square * sqrt(square));
      b.vx -= dx * other.mass * magnitude;
      b.vy -= dy * other.mass * magnitude;
      b.vz -= dz * other.mass * magnitude;
      other.vx += dx * b.mass * magnitude;
      other.vy += dy * b.mass * magnitude;
      other.vz += dz * b.mass * magnitude;
    }
  }
  for (const b of system) {
    b.x += dt * b.vx;
    b.y += dt * b.vy;
    b.z += dt * b.vz;
  }
}

const steps = Number(process.argv[2] ?? 1000000);
offsetMomentum();
const before = energy();
console.log(`energy before: ${before.toFixed(9)}`);
for (let i = 0; i < steps; i++) advance(0.01);
const after = energy();
console.log(`energy after ${steps} steps: ${after.toFixed(9)}`);
if (Math.abs((after - before) / before) > 1e-3) throw new Error("the energy is not conserved");
