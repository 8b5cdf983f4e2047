# F2: signing and credentials.
noinst_LIBRARIES += gateway/aws/libaws.a
gateway_aws_libaws_a_SOURCES = \
	%D%/credentials.h %D%/credentials.c %D%/credentials_env.c %D%/credentials_file.c \
	%D%/sigv4.h %D%/sigv4.c %D%/sigv4_canonical.c

# libbase's log reads a clock: a test links one, between the two mentions of libbase.
aws_test_libs = $(aws_libs) $(movable_clock) $(floor1_libs)

check_PROGRAMS += tests/vectors/sigv4_botocore tests/vectors/sigv4_official
TESTS += tests/vectors/sigv4_botocore tests/vectors/sigv4_official \
	tests/vectors/make_sigv4_cases.py
EXTRA_DIST += tests/vectors/make_sigv4_cases.py tests/vectors/sigv4-botocore.jsonl
tests_vectors_sigv4_botocore_SOURCES = tests/vectors/sigv4_botocore.c \
	tests/vectors/sigv4_case.h tests/vectors/sigv4_case.c
tests_vectors_sigv4_botocore_LDADD = $(aws_test_libs)
tests_vectors_sigv4_official_SOURCES = tests/vectors/sigv4_official.c \
	tests/vectors/sigv4_case.h tests/vectors/sigv4_case.c
tests_vectors_sigv4_official_LDADD = $(aws_test_libs)

if HAVE_CMOCKA
aws_unit_tests = tests/unit/test_sigv4 tests/unit/test_credentials
check_PROGRAMS += $(aws_unit_tests)
TESTS += $(aws_unit_tests)
tests_unit_test_sigv4_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sigv4_LDADD = $(aws_test_libs) $(CMOCKA_LIBS)
tests_unit_test_credentials_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_credentials_LDADD = $(aws_test_libs) $(CMOCKA_LIBS)
endif
