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
	%D%/token_issue.h %D%/token_issue.c \
	%D%/verifier.h %D%/verifier.c

if HAVE_CMOCKA
auth_unit_tests = tests/unit/test_jwk tests/unit/test_jwks tests/unit/test_jws \
	tests/unit/test_principal tests/unit/test_token_cache tests/unit/test_token_issue \
	tests/unit/test_libjwt_defects
check_PROGRAMS += $(auth_unit_tests)
TESTS += $(auth_unit_tests)
# The fixture brings a clock of its own, which is set by hand.
auth_fixture = tests/unit/jwt_fixture.h tests/unit/jwt_fixture.c
auth_test_libs = $(auth_libs) $(CMOCKA_LIBS)

tests_unit_test_jwk_SOURCES = tests/unit/test_jwk.c $(auth_fixture)
tests_unit_test_jwk_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_jwk_LDADD = $(auth_test_libs)
tests_unit_test_jwks_SOURCES = tests/unit/test_jwks.c $(auth_fixture)
tests_unit_test_jwks_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_jwks_LDADD = $(auth_test_libs)
tests_unit_test_jws_SOURCES = tests/unit/test_jws.c tests/unit/jwt_examples.h $(auth_fixture)
tests_unit_test_jws_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_jws_LDADD = $(auth_test_libs)
tests_unit_test_principal_SOURCES = tests/unit/test_principal.c $(auth_fixture)
tests_unit_test_principal_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_principal_LDADD = $(auth_test_libs)
tests_unit_test_token_cache_SOURCES = tests/unit/test_token_cache.c $(auth_fixture)
tests_unit_test_token_cache_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_token_cache_LDADD = $(auth_test_libs)
tests_unit_test_token_issue_SOURCES = tests/unit/test_token_issue.c $(auth_fixture)
tests_unit_test_token_issue_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_token_issue_LDADD = $(auth_test_libs)
tests_unit_test_libjwt_defects_SOURCES = tests/unit/test_libjwt_defects.c $(auth_fixture)
tests_unit_test_libjwt_defects_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(JWT_CFLAGS)
tests_unit_test_libjwt_defects_LDADD = $(auth_test_libs)
endif

check_PROGRAMS += tests/vectors/jose_cookbook
TESTS += tests/vectors/jose_cookbook
tests_vectors_jose_cookbook_LDADD = $(auth_libs)
