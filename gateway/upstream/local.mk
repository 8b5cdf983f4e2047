# F3: the service that runs models.
noinst_LIBRARIES += gateway/upstream/libupstream.a
gateway_upstream_libupstream_a_SOURCES = \
	%D%/aws_answer.h %D%/aws_error.c %D%/aws_decode.c \
	%D%/aws_endpoint.h %D%/aws_endpoint.c \
	%D%/lookoutvision.h %D%/lookoutvision.c \
	%D%/upstream.h %D%/upstream.c

if HAVE_CMOCKA
upstream_unit_tests = tests/unit/test_lookoutvision tests/unit/test_aws_answer
check_PROGRAMS += $(upstream_unit_tests)
TESTS += $(upstream_unit_tests)
upstream_test_libs = $(upstream_libs) $(movable_clock) $(floor1_libs)
tests_unit_test_lookoutvision_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_lookoutvision_LDADD = $(upstream_test_libs) $(CMOCKA_LIBS)
tests_unit_test_aws_answer_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_aws_answer_LDADD = $(upstream_test_libs) $(CMOCKA_LIBS)
endif
