# The container image, and the check that builds it for real (needs root; not part of `check').
EXTRA_DIST += %D%/Dockerfile %D%/compose.yaml %D%/gateway.json %D%/policy.json %D%/check-image.sh \
	.dockerignore
.PHONY: check-image
check-image:
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(SHELL) $(srcdir)/%D%/check-image.sh
