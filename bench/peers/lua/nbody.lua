-- examples/nbody.toy in Lua, for 5.1 to 5.4 and LuaJIT.

local solarMass = 4 * math.pi * math.pi
local yearDays = 365.24

local function body(x, y, z, vx, vy, vz, mass)
  return { x = x, y = y, z = z, vx = vx, vy = vy, vz = vz, mass = mass }
end

local system = {
  body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, solarMass),
  body(4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
    1.66007664274403694e-03 * yearDays, 7.69901118419740425e-03 * yearDays, -6.90460016972063023e-05 * yearDays, 9.54791938424326609e-04 * solarMass),
  body(8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
    -2.76742510726411099e-03 * yearDays, 4.99852801234917238e-03 * yearDays, 2.30417297573763929e-05 * yearDays, 2.85885980666130812e-04 * solarMass),
  body(1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
    2.96460137564761618e-03 * yearDays, 2.37847173959480950e-03 * yearDays, -2.96589568540237556e-05 * yearDays, 4.36624404335156298e-05 * solarMass),
  body(1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
    2.68067772490389322e-03 * yearDays, 1.62824170038242295e-03 * yearDays, -9.51592254519715870e-05 * yearDays, 5.15138902046611451e-05 * solarMass),
}

local function sqrt(x)
  if x <= 0 then
    return 0
  end
  local root = 0.5 * (x + 1)
  while true do
    local following = 0.5 * (root + x / root)
    if following >= root then
      return root
    end
    root = following
  end
end

local function offsetMomentum()
  local px, py, pz = 0, 0, 0
  for _, b in ipairs(system) do
    px = px + b.vx * b.mass
    py = py + b.vy * b.mass
    pz = pz + b.vz * b.mass
  end
  local sun = system[1]
  sun.vx, sun.vy, sun.vz = -px / solarMass, -py / solarMass, -pz / solarMass
end

local function energy()
  local e = 0
  for i, b in ipairs(system) do
    e = e + 0.5 * b.mass * (b.vx * b.vx + b.vy * b.vy + b.vz * b.vz)
    for j = i + 1, #system do
      local other = system[j]
      local dx, dy, dz = b.x - other.x, b.y - other.y, b.z - other.z
      e = e - b.mass * other.mass / sqrt(dx * dx + dy * dy + dz * dz)
    end
  end
  return e
end

local function advance(dt)
  local n = #system
  for i = 1, n do
    local b = system[i]
    for j = i + 1, n do
      local other = system[j]
      local dx, dy, dz = b.x - other.x, b.y - other.y, b.z - other.z
      local square = dx * dx + dy * dy + dz * dz
      local magnitude = dt / (square * sqrt(square))
      b.vx = b.vx - dx * other.mass * magnitude
      b.vy = b.vy - dy * other.mass * magnitude
      b.vz = b.vz - dz * other.mass * magnitude
      other.vx = other.vx + dx * b.mass * magnitude
      other.vy = other.vy + dy * b.mass * magnitude
      other.vz = other.vz + dz * b.mass * magnitude
    end
  end
  for i = 1, n do
    local b = system[i]
    b.x = b.x + dt * b.vx
    b.y = b.y + dt * b.vy
    b.z = b.z + dt * b.vz
  end
end

local steps = tonumber(arg[1]) or 1000000
offsetMomentum()
local before = energy()
print(string.format("energy before: %.9f", before))
for _ = 1, steps do
  advance(0.01)
end
local after = energy()
print(string.format("energy after %d steps: %.9f", steps, after))
if math.abs((after - before) / before) > 1e-3 then
  error("the energy is not conserved")
end
