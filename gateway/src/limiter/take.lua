-- Takes one token from a bucket (GCRA: the bucket is one number, the moment at which it will be full again).
--
-- KEYS[1]  the bucket
-- ARGV[1]  microseconds until one token is back
-- ARGV[2]  how many tokens the bucket holds
-- ARGV[3]  the session of the request, if it names one: no token is taken for one that has ended. Not among KEYS, since the
--          gateway may only read sessions, and Redis asks for the right to write each of those
-- Returns  {microseconds to wait (0: taken), tokens left, microseconds until full}, integers all: Redis cuts Lua's
--          fractions off. The clock is Redis's own, so gateways whose clocks differ agree.
if ARGV[3] and not redis.call('GET', ARGV[3]) then
  return {0, 0, 0}
end
local period = tonumber(ARGV[1])
local capacity = tonumber(ARGV[2]) * period

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
-- No bucket needs longer to be full than one that is empty: a value beyond that was written before the clock was set back.
local full_at = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), now + capacity)

local next_full_at = full_at + period
if next_full_at - now > capacity then
  return {next_full_at - now - capacity, 0, full_at - now}
end
-- Lua writes large numbers with 14 digits unless told otherwise.
redis.call('SET', KEYS[1], string.format('%.0f', next_full_at), 'PX', math.ceil((next_full_at - now) / 1000))
return {0, math.floor((capacity - (next_full_at - now)) / period), next_full_at - now}
