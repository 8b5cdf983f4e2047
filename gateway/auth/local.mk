# F3: who is calling.
noinst_LIBRARIES += gateway/auth/libauth.a
gateway_auth_libauth_a_CPPFLAGS = $(AM_CPPFLAGS) $(JWT_CFLAGS)
gateway_auth_libauth_a_SOURCES = \
	%D%/jwk.h %D%/jwk_private.h %D%/jwk.c %D%/jwk_json.c \
	%D%/jwks.h %D%/jwks.c \
	%D%/jws.h %D%/jws.c \
	%D%/claims.h %D%/claims.c \
	%D%/principal.h %D%/principal.c \
	%D%/token_cache.h %D%/token_cache.c \
	%D%/token_issue.h %D%/token_issue.c
