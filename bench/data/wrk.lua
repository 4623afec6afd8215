-- Sends the headers of $HEADERS; prints one line: RES requests microseconds p50 p99 p99.9 socket-errors status-errors
local headers = {}
for line in io.lines(assert(os.getenv("HEADERS"))) do
  local name, value = line:match("^([^:]+):%s*(.*)$")
  if name then headers[name] = value end
end
wrk.headers = headers

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format("RES %d %d %.0f %.0f %.0f %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    e.connect + e.read + e.write + e.timeout, e.status))
end
