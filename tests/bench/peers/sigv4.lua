-- AWS Signature Version 4 with a kept day key; SHA-256 and HMAC by OpenSSL through FFI.
local ffi = require "ffi"

ffi.cdef [[
typedef struct { unsigned char opaque[128]; } lookout_sha256_ctx;
int SHA256_Init(lookout_sha256_ctx *c);
int SHA256_Update(lookout_sha256_ctx *c, const void *data, size_t len);
int SHA256_Final(unsigned char *md, lookout_sha256_ctx *c);
typedef struct evp_md_st EVP_MD;
const EVP_MD *EVP_sha256(void);
unsigned char *HMAC(const EVP_MD *evp_md, const void *key, int key_len, const unsigned char *data,
	size_t data_len, unsigned char *md, unsigned int *md_len);
]]
local C = ffi.C

local sigv4 = {}
local context = ffi.new "lookout_sha256_ctx"
local digest = ffi.new "unsigned char[32]"
local hex = ffi.new "char[64]"
local digits = "0123456789abcdef"
local config
local now = { second = 0 } -- what changes once a second
local day = {} -- what changes once a day

local function digest_hex()
	for i = 0, 31 do
		local high = bit.rshift(digest[i], 4)
		hex[2 * i] = digits:byte(high + 1)
		hex[2 * i + 1] = digits:byte(digest[i] - 16 * high + 1)
	end
	return ffi.string(hex, 64)
end

local function sha256_hex(text)
	C.SHA256_Init(context)
	C.SHA256_Update(context, text, #text)
	C.SHA256_Final(digest, context)
	return digest_hex()
end

local function hmac(key, text)
	C.HMAC(C.EVP_sha256(), key, #key, text, #text, digest, nil)
	return ffi.string(digest, 32)
end

local EMPTY_HASH = sha256_hex ""

function sigv4.configure(id, secret, region, service, host)
	config = { id = id, secret = secret, region = region, service = service, host = host }
end

local function update_time()
	local second = ngx.time()
	if second == now.second then
		return
	end
	now.second = second
	now.date = os.date("!%Y%m%dT%H%M%SZ", second)
	local name = now.date:sub(1, 8)
	if name ~= day.name then
		day.name = name
		day.scope = name .. "/" .. config.region .. "/" .. config.service .. "/aws4_request"
		local key = hmac(hmac("AWS4" .. config.secret, name), config.region)
		day.key = hmac(hmac(key, config.service), "aws4_request")
		day.start = "AWS4-HMAC-SHA256 Credential=" .. config.id .. "/" .. day.scope
			.. ", SignedHeaders="
	end
	now.to_sign = "AWS4-HMAC-SHA256\n" .. now.date .. "\n" .. day.scope .. "\n"
end

-- The path behind the first `prefix_len` bytes goes upstream. It has been encoded once; signed it is
-- encoded twice.
function sigv4.sign(prefix_len)
	local var = ngx.var
	local path = var.request_uri:sub(prefix_len + 1)
	local token = var.http_x_amzn_client_token
	local method = ngx.req.get_method()
	local canonical, signed
	local hash = EMPTY_HASH
	update_time()
	if method == "POST" then
		ngx.req.read_body()
		hash = sha256_hex(ngx.req.get_body_data() or "")
	end
	local signed_path = path:gsub("%%", "%%25")
	if token then
		signed = "content-type;host;x-amz-date;x-amzn-client-token"
		canonical = method .. "\n" .. signed_path .. "\n\ncontent-type:" .. (var.content_type or "")
			.. "\nhost:" .. config.host .. "\nx-amz-date:" .. now.date
			.. "\nx-amzn-client-token:" .. token .. "\n\n" .. signed .. "\n" .. hash
	else
		signed = "host;x-amz-date"
		canonical = method .. "\n" .. signed_path .. "\n\nhost:" .. config.host
			.. "\nx-amz-date:" .. now.date .. "\n\n" .. signed .. "\n" .. hash
	end
	local to_sign = now.to_sign .. sha256_hex(canonical)
	C.HMAC(C.EVP_sha256(), day.key, 32, to_sign, #to_sign, digest, nil)
	var.aws_path = path
	var.aws_date = now.date
	var.aws_authorization = day.start .. signed .. ", Signature=" .. digest_hex()
end

return sigv4
