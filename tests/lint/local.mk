# Small scripts that hold the tree to its own rules.
lint_tests = \
	%D%/banned-functions.sh \
	%D%/bootstrap.sh \
	%D%/crash-points.sh \
	%D%/headers-alone.sh \
	%D%/include-floors.sh \
	%D%/new-enumerator.sh \
	%D%/no-secrets.sh \
	%D%/options-documented.sh \
	%D%/policy-purity.sh \
	%D%/rules-have-tests.sh
dist_check_SCRIPTS += $(lint_tests)
TESTS += $(lint_tests)

# How make calls the compiler, for scripts that compile or analyse without make.
check_DATA += %D%/compile-flags
CLEANFILES += %D%/compile-flags
%D%/compile-flags: Makefile
	@$(MKDIR_P) %D%
	$(AM_V_GEN)echo '-std=gnu11 $(DEFS) -I$(abs_top_srcdir) -I$(abs_top_builddir) $(AM_CPPFLAGS) $(CIVETWEB_CPPFLAGS) $(CURL_CFLAGS) $(SSL_CFLAGS)' \
		'$(JWT_CFLAGS) $(SQLITE_CFLAGS) $(CMOCKA_CFLAGS)' >$@

EXTRA_DIST += %D%/lint.sh .clang-tidy
.PHONY: lint
lint: %D%/compile-flags
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(SHELL) $(srcdir)/%D%/lint.sh
