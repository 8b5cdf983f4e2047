# F5: the server. CivetWeb is compiled from the source that configure was shown; none of it is ours.
# civetweb_inside.c includes it, so that its accessors see the structs.
noinst_LIBRARIES += gateway/http/libhttp.a
gateway_http_libhttp_a_CPPFLAGS = $(AM_CPPFLAGS) -isystem $(CIVETWEB_SOURCE)/include $(SSL_CFLAGS)
gateway_http_libhttp_a_SOURCES = \
	%D%/api.h %D%/api.c \
	%D%/authenticate.h %D%/authenticate.c \
	%D%/authority_store.h %D%/authority_store.c \
	%D%/context.h \
	%D%/exchange.h %D%/exchange.c \
	%D%/json_out.h %D%/json_out.c \
	%D%/problem.h %D%/problem.c \
	%D%/quota_answer.h %D%/quota_answer.c \
	%D%/render.h %D%/render.c \
	%D%/render_rule.h %D%/render_rule.c \
	%D%/request.h %D%/request.c \
	%D%/router.h %D%/router.c \
	%D%/routes.h %D%/routes_admin.c %D%/routes_common.c %D%/routes_lease.c %D%/routes_models.c \
	%D%/routes_ops.c %D%/routes_quota.c \
	%D%/routes_start.c %D%/routes_usage.c \
	%D%/server.h %D%/server.c \
	%D%/start_answer.h %D%/start_answer.c \
	%D%/start_document.h %D%/start_document.c \
	%D%/tls.h %D%/tls.c \
	%D%/usage_request.h %D%/usage_request.c

EXTRA_DIST += %D%/PROBLEMS.md %D%/civetweb_inside.h %D%/civetweb_inside.c

# What sees civetweb.h is compiled with.
CIVETWEB_CPPFLAGS = -I$(CIVETWEB_SOURCE)/include -I$(CIVETWEB_SOURCE)/src -DUSE_IPV6 \
	-DNO_SSL_DL -DOPENSSL_API_3_0
# 1 MiB of stack for each thread: CivetWeb's own 100 KiB is too little for a JSON parser's recursion
# and for us. Half a second is how long a thread that waits does not see that the server is to stop.
# Its warnings are not ours; its sanitizers are, but for the one of threads: it stops by a volatile
# int, whose atomic variant would cost each request several writes to one shared cache line. The first
# two it would define by itself, but civetweb_inside.c includes a header before.
civetweb_switches = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DNO_CGI -DNO_FILES -DNO_CACHING -DUSE_STACK_SIZE=1048576 \
	-DSOCKET_TIMEOUT_QUANTUM=500
civetweb_object = gateway/http/civetweb.o
CLEANFILES += $(civetweb_object)
$(civetweb_object): %D%/local.mk %D%/civetweb_inside.c %D%/civetweb_inside.h \
		$(CIVETWEB_SOURCE)/src/civetweb.c $(CIVETWEB_SOURCE)/include/civetweb.h
	@$(MKDIR_P) gateway/http
	$(AM_V_CC)$(CC) -std=gnu11 -w -I$(top_srcdir) $(CIVETWEB_CPPFLAGS) \
		$(civetweb_switches) $(SSL_CFLAGS) $(HARDEN_CFLAGS) $(SAN_CFLAGS) $(CFLAGS) \
		-fno-sanitize=thread -c -o $@ $(top_srcdir)/gateway/http/civetweb_inside.c

if HAVE_CMOCKA
http_unit_tests = tests/unit/test_api tests/unit/test_api_admin tests/unit/test_api_quota tests/unit/test_api_usage \
	tests/unit/test_http_fairness tests/unit/test_http_robustness \
	tests/unit/test_http_server tests/unit/test_http_tls tests/unit/test_problem tests/unit/test_request tests/unit/test_router
check_PROGRAMS += $(http_unit_tests)
TESTS += $(http_unit_tests)
http_test_libs = gateway/http/libhttp.a $(civetweb_object) $(movable_clock) $(floor1_libs) \
	$(SSL_LIBS) $(CMOCKA_LIBS)
# Control and ledger are played by the test; names and the policy's holder are the real ones.
api_test_sources = tests/unit/api_world.h tests/unit/api_world.c
api_call_sources = tests/unit/api_call.h tests/unit/api_call.c $(api_test_sources)
api_test_libs = gateway/http/libhttp.a $(civetweb_object) gateway/control/libcontrol.a \
	gateway/ledger/libledger.a $(auth_libs) $(movable_clock) $(floor1_libs) $(SSL_LIBS) \
	$(CMOCKA_LIBS)

tests_unit_test_api_SOURCES = tests/unit/test_api.c $(api_call_sources)
tests_unit_test_api_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_api_LDADD = $(api_test_libs)
tests_unit_test_api_admin_SOURCES = tests/unit/test_api_admin.c $(api_call_sources)
tests_unit_test_api_admin_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_api_admin_LDADD = $(api_test_libs)
tests_unit_test_api_quota_SOURCES = tests/unit/test_api_quota.c $(api_call_sources)
tests_unit_test_api_quota_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_api_quota_LDADD = $(api_test_libs)
tests_unit_test_api_usage_SOURCES = tests/unit/test_api_usage.c $(api_call_sources)
tests_unit_test_api_usage_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_api_usage_LDADD = $(api_test_libs)
tests_unit_test_http_fairness_SOURCES = tests/unit/test_http_fairness.c \
	tests/unit/http_client.h tests/unit/http_client.c
tests_unit_test_http_fairness_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_http_fairness_LDADD = $(http_test_libs)
tests_unit_test_http_robustness_SOURCES = tests/unit/test_http_robustness.c $(api_test_sources) \
	tests/unit/http_client.h tests/unit/http_client.c
tests_unit_test_http_robustness_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_http_robustness_LDADD = $(api_test_libs)
tests_unit_test_http_server_SOURCES = tests/unit/test_http_server.c \
	tests/unit/http_client.h tests/unit/http_client.c
tests_unit_test_http_server_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_http_server_LDADD = $(http_test_libs)
tests_unit_test_http_tls_SOURCES = tests/unit/test_http_tls.c \
	tests/unit/http_client.h tests/unit/http_client.c
tests_unit_test_http_tls_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(SSL_CFLAGS)
tests_unit_test_http_tls_LDADD = $(http_test_libs)
tests_unit_test_problem_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_problem_LDADD = $(http_test_libs)
tests_unit_test_request_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_request_LDADD = $(http_test_libs)
tests_unit_test_router_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_router_LDADD = $(http_test_libs)
endif
