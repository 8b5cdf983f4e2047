# F6: the program: wiring, configuration and commands. The test build differs in one library: its clock
# can be moved.
gateway_sources = \
	%D%/command_ledger.c %D%/command_policy.c %D%/command_token.c %D%/commands.h %D%/commands.c \
	%D%/config.h %D%/config.c \
	%D%/explain.h %D%/explain.c \
	%D%/explain_state.h %D%/explain_state.c \
	%D%/issuers.h %D%/issuers.c \
	%D%/main.c \
	%D%/options.h %D%/options.c \
	%D%/serve.h %D%/serve.c

noinst_LIBRARIES += gateway/libmain.a
gateway_libmain_a_SOURCES = $(gateway_sources)

bin_PROGRAMS += lookout-gateway
lookout_gateway_SOURCES =
lookout_gateway_LDADD = gateway/libmain.a $(http_libs) $(system_clock) $(floor1_libs)

noinst_PROGRAMS += lookout-gateway-test
lookout_gateway_test_SOURCES =
lookout_gateway_test_LDADD = gateway/libmain.a $(http_libs) $(movable_clock) $(floor1_libs)
