# Killed on purpose: the crash build of the gateway, the runs that kill it, and what they prove.
#
# The crash build is lookout-gateway-test with the files that have crash points compiled once more, so
# that they are there, and with a disk under SQLite that loses power. The objects come before the
# libraries, so that the linker takes them and not the libraries' own.
noinst_PROGRAMS += lookout-gateway-crash
crash_point_files = \
	gateway/control/admission_start.c gateway/control/admission_stop.c gateway/control/control.c \
	gateway/control/model_change.c gateway/control/reconciler.c \
	gateway/http/server.c \
	gateway/ledger/ledger.c gateway/ledger/ledger_logic.c gateway/ledger/ledger_sqlite_file.c \
	gateway/ledger/ledger_writer.c \
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
