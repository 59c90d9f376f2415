-- examples/gcbench.toy in Lua, for 5.1 to 5.4 and LuaJIT.

local function node(left, right, i, j)
  return { left = left, right = right, i = i, j = j }
end

local function populate(depth, root)
  if depth <= 0 then
    return
  end
  root.left = node(false, false, depth, 0)
  root.right = node(false, false, 0, depth)
  populate(depth - 1, root.left)
  populate(depth - 1, root.right)
end

local function bottomUp(depth)
  if depth <= 0 then
    return node(false, false, 0, 0)
  end
  return node(bottomUp(depth - 1), bottomUp(depth - 1), 0, 0)
end

local function size(root)
  if not root then
    return 0
  end
  return 1 + size(root.left) + size(root.right)
end

local function treeSize(depth)
  return 2 * 2 ^ depth - 1
end

local function expect(ok, what)
  if not ok then
    error(what)
  end
end

local function construct(depth, stretchDepth)
  local trees = math.floor(2 * treeSize(stretchDepth) / treeSize(depth))
  for i = 1, trees do
    local root = node(false, false, 0, 0)
    populate(depth, root)
    expect(i > 1 or size(root) == treeSize(depth), "top down: wrong size")
  end
  for i = 1, trees do
    local root = bottomUp(depth)
    expect(i > 1 or size(root) == treeSize(depth), "bottom up: wrong size")
  end
  return trees
end

local function say(pattern, ...)
  print(string.format(pattern, ...))
end

local depth = tonumber(arg[1]) or 16
local stretch, arraySize = depth + 2, 8 * 2 ^ depth
say("stretching memory with a tree of depth %d: %d nodes", stretch, size(bottomUp(stretch)))
local longLived = node(false, false, 0, 0)
populate(depth, longLived)
local array = {}
for i = 0, arraySize - 1 do
  array[i] = i < arraySize / 2 and 1.0 / (i + 1) or 0.0
end
say("a long-lived tree of depth %d and an array of %d floats stay", depth, arraySize)
for d = 4, depth, 2 do
  say("%d trees of depth %d, top down and bottom up", construct(d, stretch), d)
end
expect(size(longLived) == treeSize(depth), "the long-lived tree lost nodes")
expect(array[arraySize / 4] == 1.0 / (arraySize / 4 + 1), "the array lost a value")
say("the long-lived tree has %d nodes; array element 100 is %.16g", size(longLived), array[100])
