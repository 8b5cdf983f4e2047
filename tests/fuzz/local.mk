# Fuzz targets for what strangers' bytes reach. `make check' replays the corpora through them; built
# with configure --enable-fuzzing (and clang), `make fuzz' looks for more, FUZZ_SECONDS for each.
fuzz_targets = tests/fuzz/fuzz_answer tests/fuzz/fuzz_credentials tests/fuzz/fuzz_http_head \
	tests/fuzz/fuzz_policy tests/fuzz/fuzz_request tests/fuzz/fuzz_sigv4 tests/fuzz/fuzz_strict_json tests/fuzz/fuzz_time_zone \
	tests/fuzz/fuzz_token
check_PROGRAMS += $(fuzz_targets)
dist_check_SCRIPTS += %D%/replay.sh
EXTRA_DIST += %D%/corpus %D%/fuzz.sh
if FUZZING
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = %D%/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
endif
TESTS += %D%/replay.sh

tests_fuzz_fuzz_answer_SOURCES = %D%/fuzz.h %D%/fuzz_answer.c $(fuzz_main)
tests_fuzz_fuzz_answer_LDADD = $(upstream_libs) $(system_clock) $(floor1_libs)
tests_fuzz_fuzz_answer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_credentials_SOURCES = %D%/fuzz.h %D%/fuzz_credentials.c $(fuzz_main)
tests_fuzz_fuzz_credentials_LDADD = $(aws_libs) $(system_clock) $(floor1_libs)
tests_fuzz_fuzz_credentials_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_head_SOURCES = %D%/fuzz.h %D%/fuzz_http_head.c $(fuzz_main)
tests_fuzz_fuzz_http_head_LDADD = $(net_libs)
tests_fuzz_fuzz_http_head_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_policy_SOURCES = %D%/fuzz.h %D%/fuzz_policy.c $(fuzz_main)
tests_fuzz_fuzz_policy_LDADD = $(floor0_libs)
tests_fuzz_fuzz_policy_LDFLAGS = $(fuzz_ldflags)
# It includes CivetWeb's source, whose warnings are not ours, so the object of the server stays out.
tests_fuzz_fuzz_request_SOURCES = %D%/fuzz.h %D%/fuzz_request.c $(fuzz_main)
tests_fuzz_fuzz_request_CPPFLAGS = $(AM_CPPFLAGS) $(CIVETWEB_CPPFLAGS) $(civetweb_switches) $(SSL_CFLAGS)
tests_fuzz_fuzz_request_CFLAGS = $(AM_CFLAGS) -w
tests_fuzz_fuzz_request_LDADD = gateway/http/libhttp.a $(floor1_libs) $(SSL_LIBS)
tests_fuzz_fuzz_request_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_sigv4_SOURCES = %D%/fuzz.h %D%/fuzz_sigv4.c $(fuzz_main)
tests_fuzz_fuzz_sigv4_LDADD = $(aws_libs) $(system_clock) $(floor1_libs)
tests_fuzz_fuzz_sigv4_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_strict_json_SOURCES = %D%/fuzz.h %D%/fuzz_strict_json.c $(fuzz_main)
tests_fuzz_fuzz_strict_json_LDADD = $(floor0_libs)
tests_fuzz_fuzz_strict_json_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_time_zone_SOURCES = %D%/fuzz.h %D%/fuzz_time_zone.c $(fuzz_main)
tests_fuzz_fuzz_time_zone_LDADD = $(floor0_libs)
tests_fuzz_fuzz_time_zone_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_token_SOURCES = %D%/fuzz.h %D%/fuzz_token.c $(fuzz_main)
tests_fuzz_fuzz_token_LDADD = $(auth_libs) $(system_clock) $(floor1_libs)
tests_fuzz_fuzz_token_LDFLAGS = $(fuzz_ldflags)

FUZZ_SECONDS = 60
.PHONY: fuzz
fuzz: $(fuzz_targets)
	@test -n '$(FUZZING)' || { echo 'fuzz: configure with CC=clang --enable-fuzzing' >&2; exit 1; }
	@top_srcdir='$(abs_top_srcdir)' FUZZ_SECONDS='$(FUZZ_SECONDS)' \
		$(SHELL) $(srcdir)/%D%/fuzz.sh $(fuzz_targets)
