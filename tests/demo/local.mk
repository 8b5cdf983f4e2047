# The story of one start request, and the samples that a reader copies.
EXTRA_DIST += %D%/demo.sh
demo_tests = %D%/check-demo.sh %D%/check-samples.sh
dist_check_SCRIPTS += $(demo_tests)
TESTS += $(demo_tests)

.PHONY: demo
demo: lookout-gateway$(EXEEXT) tests/emulator/lookout-emulator$(EXEEXT)
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(SHELL) $(srcdir)/%D%/demo.sh
