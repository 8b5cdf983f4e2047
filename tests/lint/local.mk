# Small scripts that hold the tree to its own rules.
lint_tests = \
	%D%/bootstrap.sh
dist_check_SCRIPTS += $(lint_tests)
TESTS += $(lint_tests)
