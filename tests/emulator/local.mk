# The emulator of the service: installed nowhere, built always; tests, demo and image use it.
# libemulator.a is all of it but the wire, so that unit tests need no server.
noinst_LIBRARIES += tests/emulator/libemulator.a
tests_emulator_libemulator_a_SOURCES = \
	%D%/answer.h %D%/answer.c \
	%D%/control.h %D%/control.c \
	%D%/faults.h %D%/faults.c \
	%D%/hosting.h %D%/hosting.c %D%/hosting_calls.c %D%/hosting_internal.h %D%/hosting_list.c \
	%D%/hosting_token.h %D%/hosting_token.c \
	%D%/late.h %D%/late.c \
	%D%/rate.h %D%/rate.c \
	%D%/report.h %D%/report.c \
	%D%/route.h %D%/route.c \
	%D%/service.h %D%/service.c \
	%D%/settings.h %D%/settings.c \
	%D%/verifier.h %D%/verifier.c

# libbase stands on both sides of the clock: its log reads one.
emulator_libs = tests/emulator/libemulator.a gateway/aws/libaws.a gateway/base/libbase.a \
	$(movable_clock) $(floor1_libs)

noinst_PROGRAMS += tests/emulator/lookout-emulator
tests_emulator_lookout_emulator_SOURCES = \
	%D%/main.c \
	%D%/options.h %D%/options.c \
	%D%/wire.h %D%/wire.c
tests_emulator_lookout_emulator_CPPFLAGS = $(AM_CPPFLAGS) $(CIVETWEB_CPPFLAGS) $(SSL_CFLAGS)
tests_emulator_lookout_emulator_LDADD = $(civetweb_object) $(emulator_libs) $(SSL_LIBS)

# Not test_emulator.sh: its log would have the name that the rule for .py files makes too, and make
# would run the .py instead.
TESTS += tests/emulator/check.sh
dist_check_SCRIPTS += tests/emulator/check.sh
EXTRA_DIST += tests/emulator/conftest.py tests/emulator/test_emulator.py

if HAVE_CMOCKA
emulator_unit_tests = tests/unit/test_emulator_hosting tests/unit/test_emulator_verifier
check_PROGRAMS += $(emulator_unit_tests)
TESTS += $(emulator_unit_tests)
tests_unit_test_emulator_hosting_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_emulator_hosting_LDADD = $(emulator_libs) $(CMOCKA_LIBS)
tests_unit_test_emulator_verifier_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_emulator_verifier_LDADD = $(emulator_libs) $(CMOCKA_LIBS)
endif
