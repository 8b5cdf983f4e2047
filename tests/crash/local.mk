# Killed on purpose: the crash build of the gateway, the runs that kill it, and what they prove.
#
# The crash build is lookout-gateway-test with the files that have crash points compiled once more, so
# that they are there, and with a disk under SQLite that loses power. The objects come before the
# libraries, so that the linker takes them and not the libraries' own.
noinst_PROGRAMS += lookout-gateway-crash
crash_point_files = \
	gateway/control/admission_lease.c gateway/control/admission_start.c \
	gateway/control/admission_stop.c gateway/control/control.c gateway/control/model_change.c \
	gateway/control/reconciler.c gateway/control/unrecorded.c \
	gateway/http/server.c \
	gateway/ledger/ledger.c gateway/ledger/ledger_journal.c gateway/ledger/ledger_logic.c \
	gateway/ledger/ledger_sqlite_file.c gateway/ledger/ledger_writer.c \
	gateway/net/http_client.c \
	gateway/serve.c
lookout_gateway_crash_SOURCES = \
	$(crash_point_files) \
	%D%/crash_control.h %D%/crash_control.c \
	%D%/page_cache.h %D%/page_cache.c \
	%D%/power_loss_vfs.h %D%/power_loss_vfs.c
lookout_gateway_crash_CPPFLAGS = $(gateway_http_libhttp_a_CPPFLAGS) $(CURL_CFLAGS) $(SQLITE_CFLAGS) \
	-DLOOKOUT_CRASH_POINTS
lookout_gateway_crash_LDADD = $(lookout_gateway_test_LDADD)

# RUNS, SEED, FROM (the first run's number) and JOBS are told about in crash.py.
RUNS = 1000
SEED = 1
FROM = 0
JOBS = 2
crash_needs = lookout-gateway$(EXEEXT) lookout-gateway-crash$(EXEEXT) tests/emulator/lookout-emulator$(EXEEXT)
crash_run = top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON)
.PHONY: crash crash-selftest
crash: $(crash_needs)
	@$(crash_run) $(srcdir)/%D%/crash.py --runs $(RUNS) --seed $(SEED) --from $(FROM) --jobs $(JOBS)

# The gateway broken on purpose, one patch at a time: each has to be found.
crash-selftest: $(crash_needs) %D%/link-command tests/lint/compile-flags
	@CC='$(CC)' $(crash_run) $(srcdir)/%D%/selftest.py --jobs $(JOBS) $(BROKEN)

# How the crash build is linked: its own objects, then the libraries.
CLEANFILES += %D%/link-command
%D%/link-command: Makefile
	@$(MKDIR_P) %D%
	$(AM_V_GEN){ echo '$(CC) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS)'; \
		echo '$(lookout_gateway_crash_OBJECTS)'; \
		echo '$(lookout_gateway_crash_LDADD) $(LIBS)'; } >$@

EXTRA_DIST += %D%/broken %D%/control.py %D%/crash.py %D%/journal.py %D%/judge.py %D%/plan.py %D%/processes.py \
	%D%/run.py %D%/selftest.py

dist_check_SCRIPTS += %D%/check.sh
TESTS += %D%/check.sh
