# F0: the policy. Pure: libc and jansson only (tests/lint/policy-purity.sh proves it).
noinst_LIBRARIES += policy/libpolicy.a
policy_libpolicy_a_SOURCES = \
	%D%/civil.h %D%/civil.c \
	%D%/document.h %D%/document.c \
	%D%/earliest.h %D%/earliest.c \
	%D%/error.h %D%/error.c \
	%D%/evaluator.h %D%/evaluator.c \
	%D%/explain.c \
	%D%/held.h %D%/held.c \
	%D%/limits.h %D%/limits_read.h %D%/limits_read.c \
	%D%/quota.h %D%/quota.c \
	%D%/strict_json.h %D%/strict_json.c \
	%D%/text.h %D%/text.c \
	%D%/time_rule.h %D%/time_rule.c \
	%D%/time_zone.h %D%/time_zone.c \
	%D%/unit_hours.h %D%/unit_hours.c \
	%D%/unit_time.h %D%/unit_time.c \
	%D%/window.h %D%/window.c

# The schema is for editors and scripts; the parser does not read it.
EXTRA_DIST += policy/policy.schema.json policy/examples tests/policy/budgets.txt tests/policy/cases.txt \
	tests/policy/periods.txt tests/policy/budgets.json tests/policy/shared-budget.json \
	tests/policy/documents tests/policy/basic.json tests/policy/freeze.json tests/policy/exceeded.json tests/policy/exceeded.txt \
	tests/policy/patterns.json tests/policy/unlimited.json

policy_tests = tests/policy/test_policy_table tests/policy/test_policy_property \
	tests/policy/test_policy_budgets tests/policy/test_policy_documents \
	tests/policy/test_policy_exceeded tests/policy/test_policy_periods tests/policy/test_budget_property
check_PROGRAMS += $(policy_tests)
TESTS += $(policy_tests) tests/policy/test_schema.py
EXTRA_DIST += tests/policy/test_schema.py
policy_file_sources = tests/policy/policy_file.h tests/policy/policy_file.c
policy_table_sources = tests/policy/table.h tests/policy/table.c $(policy_file_sources)
zones_sources = tests/policy/zones.h tests/policy/zones.c
instant_sources = tests/policy/instant.h tests/policy/instant.c
held_list_sources = tests/policy/held_list.h tests/policy/held_list.c $(instant_sources)
tests_policy_test_policy_table_SOURCES = tests/policy/test_policy_table.c $(policy_table_sources)
tests_policy_test_policy_table_LDADD = $(floor1_libs)
tests_policy_test_policy_budgets_SOURCES = tests/policy/test_policy_budgets.c \
	$(policy_table_sources) $(zones_sources) $(held_list_sources)
tests_policy_test_policy_budgets_LDADD = $(floor1_libs)
tests_policy_test_policy_exceeded_SOURCES = tests/policy/test_policy_exceeded.c \
	$(policy_table_sources) $(held_list_sources)
tests_policy_test_policy_exceeded_LDADD = $(floor1_libs)
tests_policy_test_policy_periods_SOURCES = tests/policy/test_policy_periods.c \
	$(policy_table_sources) $(zones_sources) $(instant_sources)
tests_policy_test_policy_periods_LDADD = $(floor1_libs)
tests_policy_test_budget_property_SOURCES = tests/policy/test_budget_property.c \
	tests/policy/random.h $(zones_sources)
tests_policy_test_budget_property_LDADD = $(floor1_libs)
tests_policy_test_policy_property_SOURCES = tests/policy/test_policy_property.c \
	tests/policy/random.h
tests_policy_test_policy_property_LDADD = $(floor0_libs)
tests_policy_test_policy_documents_SOURCES = tests/policy/test_policy_documents.c \
	$(policy_file_sources)
tests_policy_test_policy_documents_LDADD = $(floor1_libs)

if HAVE_CMOCKA
policy_unit_tests = tests/unit/test_error tests/unit/test_strict_json tests/unit/test_document \
	tests/unit/test_time_zone
check_PROGRAMS += $(policy_unit_tests)
TESTS += $(policy_unit_tests)
tests_unit_test_error_SOURCES = tests/unit/test_error.c
tests_unit_test_error_LDADD = $(floor0_libs) $(CMOCKA_LIBS)
tests_unit_test_strict_json_SOURCES = tests/unit/test_strict_json.c
tests_unit_test_strict_json_LDADD = $(floor0_libs) $(CMOCKA_LIBS)
tests_unit_test_time_zone_SOURCES = tests/unit/test_time_zone.c $(zones_sources)
tests_unit_test_time_zone_LDADD = $(floor1_libs) $(CMOCKA_LIBS)
tests_unit_test_document_SOURCES = tests/unit/test_document.c
tests_unit_test_document_LDADD = $(floor0_libs) $(CMOCKA_LIBS)
endif
