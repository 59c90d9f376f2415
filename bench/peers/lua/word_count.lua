-- bench/workloads/word_count.toy in Lua, for 5.1 to 5.4 and LuaJIT.

local wordsPerLine = 12
local syllables = { "ba", "do", "ki", "lu", "me", "no", "ra", "se", "ti", "vo", "wy", "zu" }
local seed = 42

local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n
end

local function line(words)
  local parts = {}
  for i = 1, words do
    if i > 1 then
      parts[#parts + 1] = " "
    end
    repeat
      parts[#parts + 1] = syllables[random(12) + 1]
    until random(3) > 0
  end
  return table.concat(parts)
end

local words = tonumber(arg[1]) or 10000000
local counts, left = {}, words
while left > 0 do
  for word in string.gmatch(line(math.min(left, wordsPerLine)), "%S+") do
    counts[word] = (counts[word] or 0) + 1
  end
  left = left - wordsPerLine
end

local entries = {}
for word, count in pairs(counts) do
  entries[#entries + 1] = { word = word, count = count }
end
table.sort(entries, function(a, b)
  return a.count > b.count or a.count == b.count and a.word < b.word
end)
local total, sum = 0, 0
for _, e in ipairs(entries) do
  total = total + e.count
  sum = (sum * 31 + e.count * #e.word) % 1000000007
end
print(string.format("%d words, %d of them different, checksum %d", total, #entries, sum))
for i = 1, math.min(5, #entries) do
  print(string.format("%d %s", entries[i].count, entries[i].word))
end
if total ~= words then
  error("words got lost")
end
