-- examples/binary_trees.toy in Lua, for 5.1 to 5.4 and LuaJIT.

local function build(depth)
  if depth == 0 then
    return { left = false, right = false }
  end
  return { left = build(depth - 1), right = build(depth - 1) }
end

local function count(node)
  if not node.left then
    return 1
  end
  return 1 + count(node.left) + count(node.right)
end

local function say(pattern, ...)
  print(string.format(pattern, ...))
end

local minDepth = 4
local maxDepth = math.max(tonumber(arg[1]) or 16, minDepth + 2)
say("stretch tree of depth %d\t check: %d", maxDepth + 1, count(build(maxDepth + 1)))
local longLived = build(maxDepth)
for depth = minDepth, maxDepth, 2 do
  local trees, nodes = 2 ^ (maxDepth - depth + minDepth), 0
  for _ = 1, trees do
    nodes = nodes + count(build(depth))
  end
  say("%d\t trees of depth %d\t check: %d", trees, depth, nodes)
  if nodes ~= trees * (2 * 2 ^ depth - 1) then
    error("a tree lost nodes")
  end
end
say("long lived tree of depth %d\t check: %d", maxDepth, count(longLived))
