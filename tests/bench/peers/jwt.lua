-- A bearer token, verified by OpenSSL through FFI with keys that were parsed once; RS256 and ES256.
-- Verified first, read after; then issuer, audience and expiry.
local ffi = require "ffi"
local cjson = require "cjson.safe"
local base64 = require "ngx.base64"
local lrucache = require "resty.lrucache"

ffi.cdef [[
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct bio_st BIO;
EVP_MD_CTX *EVP_MD_CTX_new(void);
EVP_MD *EVP_MD_fetch(void *ctx, const char *algorithm, const char *properties);
int EVP_DigestVerifyInit(EVP_MD_CTX *ctx, void **pctx, const EVP_MD *type, void *e, EVP_PKEY *pkey);
int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t siglen,
	const unsigned char *tbs, size_t tbslen);
int EVP_MD_CTX_copy_ex(EVP_MD_CTX *out, const EVP_MD_CTX *in);
BIO *BIO_new_mem_buf(const void *buf, int len);
int BIO_free(BIO *a);
EVP_PKEY *PEM_read_bio_PUBKEY(BIO *bp, EVP_PKEY **x, void *cb, void *u);
void ERR_clear_error(void);
]]
local C = ffi.C

local ISSUER = "https://issuer.bench"
local AUDIENCE = "lookout-gateway"
local CACHE_ENTRIES = 4096 -- as the gateway's
local CACHE_SECONDS = 60

local jwt = {}
local keys = {}
local verified = lrucache.new(CACHE_ENTRIES)
local headers = lrucache.new(16) -- the first parts of tokens are few
local scratch = C.EVP_MD_CTX_new()

-- A context that is ready to verify with the key; each token's begins as its copy.
function jwt.load(kid, algorithm, path)
	local file = assert(io.open(path))
	local pem = file:read "*a"
	file:close()
	local bio = C.BIO_new_mem_buf(pem, #pem)
	local key = C.PEM_read_bio_PUBKEY(bio, nil, nil, nil)
	C.BIO_free(bio)
	assert(key ~= nil, path)
	local ready = C.EVP_MD_CTX_new()
	assert(C.EVP_DigestVerifyInit(ready, nil, C.EVP_MD_fetch(nil, "SHA256", nil), nil, key) == 1)
	keys[kid] = { algorithm = algorithm, ready = ready }
end

-- DER's INTEGER is positive: no leading zeros, and one where the first bit is set.
local function der_integer(bytes)
	bytes = bytes:gsub("^%z+", "")
	if bytes == "" or bytes:byte(1) >= 128 then
		bytes = "\0" .. bytes
	end
	return "\2" .. string.char(#bytes) .. bytes
end

local function der_signature(raw)
	if #raw ~= 64 then
		return nil
	end
	local both = der_integer(raw:sub(1, 32)) .. der_integer(raw:sub(33))
	return "\48" .. string.char(#both) .. both
end

local function find_key(first)
	local key = headers:get(first)
	if key then
		return key
	end
	local header = cjson.decode(base64.decode_base64url(first) or "")
	key = type(header) == "table" and keys[header.kid]
	if not key or header.alg ~= key.algorithm then
		return nil
	end
	headers:set(first, key)
	return key
end

local function is_signed(key, text, signature)
	if key.algorithm == "ES256" then
		signature = der_signature(signature)
	end
	local good = signature and C.EVP_MD_CTX_copy_ex(scratch, key.ready) == 1
		and C.EVP_DigestVerify(scratch, signature, #signature, text, #text) == 1
	if not good then
		C.ERR_clear_error()
	end
	return good
end

-- When the token expires; nil for one that is no good.
local function verify(token)
	local from, to = token:find(".", 1, true), nil
	if from then
		to = token:find(".", from + 1, true)
	end
	if not to then
		return nil
	end
	local key = find_key(token:sub(1, from - 1))
	local signature = base64.decode_base64url(token:sub(to + 1))
	if not key or not signature or not is_signed(key, token:sub(1, to - 1), signature) then
		return nil
	end
	local claims = cjson.decode(base64.decode_base64url(token:sub(from + 1, to - 1)) or "")
	if type(claims) ~= "table" or claims.iss ~= ISSUER or claims.aud ~= AUDIENCE
		or type(claims.exp) ~= "number" or claims.exp <= ngx.time() then
		return nil
	end
	return claims.exp
end

-- Ends the request with 401 where its token is no good.
function jwt.check(with_cache)
	local authorization = ngx.var.http_authorization
	if not authorization or authorization:sub(1, 7) ~= "Bearer " then
		return ngx.exit(401)
	end
	local token = authorization:sub(8)
	if with_cache and verified:get(token) then
		return
	end
	local expires = verify(token)
	if not expires then
		return ngx.exit(401)
	end
	if with_cache then
		verified:set(token, true, math.min(CACHE_SECONDS, expires - ngx.time()))
	end
end

return jwt
