-- bench/workloads/lru_map.toy in Lua, for 5.1 to 5.4 and LuaJIT.

local capacity = 50000
local entries, size = {}, 0
local ends = { key = 0, value = 0 }
ends.newer, ends.older = ends, ends
local hits, misses = 0, 0

local function unlink(e)
  e.newer.older, e.older.newer = e.older, e.newer
end

local function pushNewest(e)
  e.newer, e.older = ends, ends.older
  e.older.newer, ends.older = e, e
end

local function get(key)
  local e = entries[key]
  if e then
    hits = hits + 1
    unlink(e)
    pushNewest(e)
    return e.value
  end
  misses = misses + 1
  if size == capacity then
    local victim = ends.newer
    unlink(victim)
    entries[victim.key] = nil
    size = size - 1
  end
  e = { key = key, value = key * 7 + 1 }
  entries[key] = e
  size = size + 1
  pushNewest(e)
  return e.value
end

local operations = tonumber(arg[1]) or 16000000
local sum, seed = 0, 1
for i = 0, operations - 1 do
  seed = seed * 16807 % 2147483647
  local key = seed % (4 * capacity)
  if i % 4 ~= 0 then
    key = key % (capacity / 2)
  end
  local value = get(key)
  if value ~= key * 7 + 1 then
    error("a value of another key")
  end
  sum = (sum * 31 + value) % 1000000007
end

local listed, e = 0, ends.older
while e ~= ends do
  if entries[e.key] ~= e then
    error("an entry of the list is not in the map")
  end
  listed = listed + 1
  e = e.older
end
if listed ~= size or hits + misses ~= operations then
  error("list and map differ, or hits and misses do not add up")
end
print(string.format("%d operations, %d hits, %d misses, checksum %d", operations, hits, misses, sum))
