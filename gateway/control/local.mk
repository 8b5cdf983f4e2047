# F4: the only place where policy, ledger and upstream meet.
noinst_LIBRARIES += gateway/control/libcontrol.a
gateway_control_libcontrol_a_SOURCES = \
	%D%/admission.h %D%/admission.c \
	%D%/context.h \
	%D%/control.h %D%/control.c \
	%D%/model_calls.h %D%/model_calls.c \
	%D%/model_change.h %D%/model_change.c \
	%D%/model_name.h %D%/model_name.c \
	%D%/model_status.h %D%/model_status.c \
	%D%/policy_store.h %D%/policy_store.c \
	%D%/reconciler.h %D%/reconciler.c \
	%D%/rules.h %D%/rules.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_rules tests/unit/test_model_calls
TESTS += tests/unit/test_rules tests/unit/test_model_calls
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c
tests_unit_test_rules_LDADD = $(control_libs) $(movable_clock) $(CMOCKA_LIBS)
tests_unit_test_model_calls_SOURCES = tests/unit/test_model_calls.c
tests_unit_test_model_calls_LDADD = $(control_libs) $(movable_clock) $(CMOCKA_LIBS)
endif
