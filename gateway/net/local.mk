# F2: the network, outwards.
noinst_LIBRARIES += gateway/net/libnet.a
gateway_net_libnet_a_SOURCES = \
	%D%/http_client.h %D%/http_client.c \
	%D%/http_client_url.h %D%/http_client_url.c \
	%D%/http_head.h %D%/http_head.c \
	%D%/pacing.h %D%/pacing.c \
	%D%/retry.h %D%/retry.c

if HAVE_CMOCKA
net_unit_tests = tests/unit/test_http_client tests/unit/test_http_head tests/unit/test_pacing \
	tests/unit/test_retry
check_PROGRAMS += $(net_unit_tests)
TESTS += $(net_unit_tests)

tests_unit_test_http_client_SOURCES = tests/unit/test_http_client.c \
	tests/unit/scripted_server.h tests/unit/scripted_server.c
tests_unit_test_http_client_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_http_client_LDADD = $(net_libs) $(SSL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_http_head_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_http_head_LDADD = $(net_libs) $(CMOCKA_LIBS)
tests_unit_test_pacing_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_pacing_LDADD = gateway/net/libnet.a $(floor1_libs) $(CMOCKA_LIBS)
tests_unit_test_retry_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_retry_LDADD = gateway/net/libnet.a $(CMOCKA_LIBS)
endif
