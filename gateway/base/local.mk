# F1: what everything stands on. The clock is two libraries with one header; a program links one.
noinst_LIBRARIES += gateway/base/libbase.a gateway/base/libclock_system.a \
	gateway/base/libclock_movable.a
gateway_base_libbase_a_SOURCES = \
	%D%/clock.h %D%/clock_common.c \
	%D%/crash_point.h \
	%D%/crypto.h %D%/crypto.c \
	%D%/file.h %D%/file.c \
	%D%/log.h %D%/log.c \
	%D%/metrics.h %D%/metrics.c \
	%D%/strbuf.h %D%/strbuf.c \
	%D%/zone_file.h %D%/zone_file.c
gateway_base_libclock_system_a_SOURCES = %D%/clock.h %D%/clock_system.c
gateway_base_libclock_movable_a_SOURCES = %D%/clock.h %D%/clock_movable.c

EXTRA_DIST += tests/unit/cmocka_all.h

if HAVE_CMOCKA
base_unit_tests = tests/unit/test_clock tests/unit/test_clock_system tests/unit/test_crypto \
	tests/unit/test_log tests/unit/test_metrics tests/unit/test_strbuf
check_PROGRAMS += $(base_unit_tests)
TESTS += $(base_unit_tests)

tests_unit_test_clock_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_clock_LDADD = $(movable_clock) $(floor1_libs) $(CMOCKA_LIBS)
tests_unit_test_clock_system_SOURCES = tests/unit/test_clock.c
tests_unit_test_clock_system_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) -DTEST_SYSTEM_CLOCK
tests_unit_test_clock_system_LDADD = $(system_clock) $(floor1_libs) $(CMOCKA_LIBS)
tests_unit_test_crypto_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_crypto_LDADD = $(floor1_libs) $(CMOCKA_LIBS)
tests_unit_test_log_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_log_LDADD = $(movable_clock) $(floor1_libs) $(CMOCKA_LIBS)
tests_unit_test_metrics_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_metrics_LDADD = $(floor1_libs) $(CMOCKA_LIBS)
tests_unit_test_strbuf_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_strbuf_LDADD = $(floor1_libs) $(CMOCKA_LIBS)
endif
