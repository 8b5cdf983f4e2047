# F0: the policy. Pure: libc and jansson only (tests/lint/policy-purity.sh proves it).
noinst_LIBRARIES += policy/libpolicy.a
policy_libpolicy_a_SOURCES = \
	%D%/civil.h %D%/civil.c \
	%D%/document.h %D%/document.c \
	%D%/earliest.h %D%/earliest.c \
	%D%/error.h %D%/error.c \
	%D%/evaluator.h %D%/evaluator.c \
	%D%/explain.c \
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
EXTRA_DIST += policy/policy.schema.json policy/examples tests/policy/cases.txt \
	tests/policy/documents tests/policy/basic.json tests/policy/freeze.json \
	tests/policy/patterns.json tests/policy/unlimited.json

policy_tests = tests/policy/test_policy_table tests/policy/test_policy_property \
	tests/policy/test_policy_documents
check_PROGRAMS += $(policy_tests)
TESTS += $(policy_tests) tests/policy/test_schema.py
EXTRA_DIST += tests/policy/test_schema.py
policy_file_sources = tests/policy/policy_file.h tests/policy/policy_file.c
tests_policy_test_policy_table_SOURCES = tests/policy/test_policy_table.c $(policy_file_sources)
tests_policy_test_policy_table_LDADD = $(floor0_libs)
tests_policy_test_policy_property_SOURCES = tests/policy/test_policy_property.c
tests_policy_test_policy_property_LDADD = $(floor0_libs)
tests_policy_test_policy_documents_SOURCES = tests/policy/test_policy_documents.c \
	$(policy_file_sources)
tests_policy_test_policy_documents_LDADD = $(floor0_libs)

if HAVE_CMOCKA
policy_unit_tests = tests/unit/test_error tests/unit/test_strict_json tests/unit/test_document
check_PROGRAMS += $(policy_unit_tests)
TESTS += $(policy_unit_tests)
tests_unit_test_error_SOURCES = tests/unit/test_error.c
tests_unit_test_error_LDADD = $(floor0_libs) $(CMOCKA_LIBS)
tests_unit_test_strict_json_SOURCES = tests/unit/test_strict_json.c
tests_unit_test_strict_json_LDADD = $(floor0_libs) $(CMOCKA_LIBS)
tests_unit_test_document_SOURCES = tests/unit/test_document.c
tests_unit_test_document_LDADD = $(floor0_libs) $(CMOCKA_LIBS)
endif
