# What the gateway costs beside its peers, and what its parts cost alone. Never a part of `make check'.
bench_parts = tests/bench/bench_policy tests/bench/bench_sigv4 tests/bench/bench_token \
	tests/bench/bench_verify
bench_helpers = tests/bench/bench_floor tests/bench/bench_tokens
EXTRA_PROGRAMS = $(bench_parts) $(bench_helpers)
CLEANFILES += $(EXTRA_PROGRAMS)

bench_loop = %D%/bench_loop.h %D%/bench_loop.c
token_maker = %D%/token_maker.h %D%/token_maker.c

tests_bench_bench_policy_SOURCES = %D%/bench_policy.c $(bench_loop) $(zones_sources)
tests_bench_bench_policy_LDADD = $(floor1_libs)
tests_bench_bench_sigv4_SOURCES = %D%/bench_sigv4.c $(bench_loop)
tests_bench_bench_sigv4_LDADD = gateway/aws/libaws.a $(floor1_libs)
tests_bench_bench_token_SOURCES = %D%/bench_token.c $(bench_loop) $(token_maker)
tests_bench_bench_token_LDADD = gateway/auth/libauth.a $(system_clock) $(floor1_libs)
tests_bench_bench_verify_SOURCES = %D%/bench_verify.c
tests_bench_bench_verify_LDADD = $(ledger_libs)
tests_bench_bench_tokens_SOURCES = %D%/bench_tokens.c $(token_maker)
tests_bench_bench_tokens_LDADD = $(floor1_libs)
tests_bench_bench_floor_SOURCES = %D%/bench_floor.c
tests_bench_bench_floor_CPPFLAGS = $(AM_CPPFLAGS) $(CIVETWEB_CPPFLAGS)
tests_bench_bench_floor_LDADD = $(civetweb_object) $(SSL_LIBS) $(CRYPTO_LIBS)

bench_scripts = \
	%D%/bench.py %D%/figures.py %D%/million.py %D%/processes.py %D%/report.py %D%/soak.py \
	%D%/stage.py %D%/works.py \
	%D%/work.lua \
	%D%/peers/haproxy.cfg %D%/peers/jwt.lua %D%/peers/nginx-lua.conf %D%/peers/nginx-proxy.conf \
	%D%/peers/nginx-upstream.conf %D%/peers/sigv4.lua
EXTRA_DIST += $(bench_scripts) %D%/parts.sh %D%/RESULTS.md

# BENCH_SECONDS, BENCH_ROUNDS, BENCH_CONNECTIONS, BENCH_WORKS, BENCH_MILLION and BENCH_RESULTS are
# told about in bench.py. Only a whole run replaces the table of the source tree.
bench_run = top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3
bench_needs = lookout-gateway$(EXEEXT) tests/emulator/lookout-emulator$(EXEEXT) $(bench_helpers)
.PHONY: bench bench-soak bench-ledger bench-policy bench-sigv4 bench-token bench-verify
bench: $(bench_needs)
	$(bench_run) $(srcdir)/%D%/bench.py
bench-soak: $(bench_needs)
	$(bench_run) $(srcdir)/%D%/soak.py

bench_part = top_builddir='$(abs_top_builddir)' $(SHELL) $(srcdir)/%D%/parts.sh
bench-policy: tests/bench/bench_policy
	@$(bench_part) tests/bench/bench_policy admit refuse admit-2-budgets parse-200-teams
bench-sigv4: tests/bench/bench_sigv4
	@$(bench_part) tests/bench/bench_sigv4 kept-key new-key
bench-token: tests/bench/bench_token
	@$(bench_part) tests/bench/bench_token rs256 es256 cached
# Ten million entries need 5 GB and some minutes to make; BENCH_VERIFY_ENTRIES makes fewer.
bench-verify: tests/bench/bench_verify
	@folder=$$(mktemp -d ./bench-verify-XXXXXX) && \
	tests/bench/bench_verify $$folder/ledger $(BENCH_VERIFY_ENTRIES); \
	status=$$?; rm -rf $$folder; exit $$status
bench-ledger: tests/ledger/bench_ledger
	@$(bench_part) ledger
