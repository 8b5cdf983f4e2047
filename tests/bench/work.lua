-- What wrk sends. Arguments: KIND PREFIX TOKENS OFFSET MARK
--   KIND     status: one model. forward: many in turn, so that no two readers of one model meet.
--            start: a new model and a new key each time. unseen: as forward, a new token each time.
--            mix: one start, one refusal, two statuses
--   PREFIX   of the path, before /projects/…
--   TOKENS   a file with tokens, a line each; for a mix the second is of the team that is refused
--   OFFSET   of the first token that an unseen takes
--   MARK     makes the models and keys of this run differ from those of all others
-- The numbers are printed as one line of JSON.

local MODELS = 256 -- more than connections, fewer than a gateway keeps statuses of

local kind, prefix, mark
local tokens = {}
local at, count = 0, 0
local reads = {}

local function read_tokens(path)
	for line in io.lines(path) do
		tokens[#tokens + 1] = line
	end
	assert(#tokens > 0, path)
end

local function get(model, token)
	return "GET " .. prefix .. "/projects/" .. model .. "/models/1 HTTP/1.1\r\nHost: "
		.. wrk.headers.Host .. "\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
end

local function start(token)
	count = count + 1
	local number = string.format("%s-%08x", mark, count)
	return "POST " .. prefix .. "/projects/bench-" .. number .. "/models/1/start HTTP/1.1\r\nHost: "
		.. wrk.headers.Host .. "\r\nAuthorization: Bearer " .. token
		.. "\r\nX-Amzn-Client-Token: " .. number
		.. "\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n{\"MinInferenceUnits\":1}"
end

local kinds = {}

function kinds.status()
	return reads[1]
end

function kinds.forward()
	at = at % MODELS + 1
	return reads[at]
end

function kinds.start()
	return start(tokens[1])
end

function kinds.unseen()
	at = at % #tokens + 1
	return get("bench-" .. at % MODELS, tokens[at])
end

function kinds.mix()
	at = at % 4 + 1
	if at == 1 then
		return start(tokens[1])
	end
	return at == 2 and start(tokens[2]) or reads[1]
end

function init(args)
	kind, prefix = args[1], args[2]
	at, mark = tonumber(args[4]), args[5]
	read_tokens(args[3])
	for i = 1, MODELS do
		reads[i] = get(kind == "forward" and "bench-" .. i or "circuit-boards", tokens[1])
	end
	request = kinds[kind]
end

function done(summary, latency)
	local errors = summary.errors
	io.write(string.format(
		'BENCH {"requests":%d,"seconds":%.6f,"p50_ms":%.4f,"p99_ms":%.4f,"max_ms":%.3f,'
			.. '"errors":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
		summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
		latency:percentile(99) / 1e3, latency.max / 1e3, errors.status, errors.connect, errors.read,
		errors.write, errors.timeout))
end
