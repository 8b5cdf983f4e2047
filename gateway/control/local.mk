# F4: the only place where policy, ledger and upstream meet.
noinst_LIBRARIES += gateway/control/libcontrol.a
gateway_control_libcontrol_a_SOURCES = \
	%D%/admin.h %D%/admin.c %D%/admin_rules.h %D%/admin_rules.c \
	%D%/admission.h %D%/admission_describe.c %D%/admission_lease.c %D%/admission_quota.c \
	%D%/admission_start.c %D%/admission_stop.c \
	%D%/context.h \
	%D%/decision.h %D%/decision.c \
	%D%/control.h %D%/control.c \
	%D%/drift.h %D%/drift.c %D%/drift_limits.h %D%/drift_limits.c \
	%D%/drift_rules.h %D%/drift_rules.c \
	%D%/held.h %D%/held.c \
	%D%/lease_tell.h %D%/lease_tell.c \
	%D%/model_calls.h %D%/model_calls.c \
	%D%/model_change.h %D%/model_change.c \
	%D%/model_name.h %D%/model_name.c \
	%D%/model_status.h %D%/model_status.c \
	%D%/policy_note.h %D%/policy_note.c \
	%D%/policy_store.h %D%/policy_store.c \
	%D%/reconciler.h %D%/reconciler.c \
	%D%/rules.h %D%/rules.c %D%/rules_lease.c \
	%D%/start_outcome.h %D%/start_outcome.c \
	%D%/start_gate.h %D%/start_gate.c \
	%D%/start_row.h %D%/start_row.c \
	%D%/time_keeper.h %D%/time_keeper.c \
	%D%/unrecorded.h %D%/unrecorded.c

control_unit_tests = tests/unit/test_admin_rules tests/unit/test_control \
	tests/unit/test_drift tests/unit/test_drift_rules tests/unit/test_model_calls tests/unit/test_policy_note tests/unit/test_rules \
	tests/unit/test_rules_lease tests/unit/test_leases tests/unit/test_time_keeper tests/unit/test_unrecorded
EXTRA_DIST += tests/unit/control_world.h tests/unit/fake_upstream.h
if HAVE_CMOCKA
check_PROGRAMS += $(control_unit_tests)
TESTS += $(control_unit_tests)
# libbase twice: its log needs a clock, and the clock needs libbase.
control_test_libs = $(control_libs) $(movable_clock) $(control_libs) $(CMOCKA_LIBS)
control_world = tests/unit/control_world.c tests/unit/control_world.h tests/unit/fake_upstream.c \
	tests/unit/fake_upstream.h
tests_unit_test_control_SOURCES = tests/unit/test_control.c $(control_world)
tests_unit_test_control_LDADD = $(control_test_libs)
tests_unit_test_admin_rules_SOURCES = tests/unit/test_admin_rules.c
tests_unit_test_admin_rules_LDADD = $(control_test_libs)
tests_unit_test_drift_SOURCES = tests/unit/test_drift.c $(control_world)
tests_unit_test_drift_LDADD = $(control_test_libs)
tests_unit_test_drift_rules_SOURCES = tests/unit/test_drift_rules.c
tests_unit_test_drift_rules_LDADD = $(control_test_libs)
tests_unit_test_model_calls_SOURCES = tests/unit/test_model_calls.c
tests_unit_test_model_calls_LDADD = $(control_test_libs)
tests_unit_test_policy_note_SOURCES = tests/unit/test_policy_note.c $(control_world)
tests_unit_test_policy_note_LDADD = $(control_test_libs)
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c
tests_unit_test_rules_LDADD = $(control_test_libs)
tests_unit_test_rules_lease_SOURCES = tests/unit/test_rules_lease.c
tests_unit_test_rules_lease_LDADD = $(control_test_libs)
tests_unit_test_leases_SOURCES = tests/unit/test_leases.c $(control_world)
tests_unit_test_leases_LDADD = $(control_test_libs)
tests_unit_test_unrecorded_SOURCES = tests/unit/test_unrecorded.c
tests_unit_test_unrecorded_LDADD = $(control_test_libs)
tests_unit_test_time_keeper_SOURCES = tests/unit/test_time_keeper.c
tests_unit_test_time_keeper_LDADD = $(control_test_libs)
endif
