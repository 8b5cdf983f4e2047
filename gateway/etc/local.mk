# A configuration to begin with; it belongs into a folder of its own, such as /etc/lookout-gateway.
exampledir = $(docdir)/examples
dist_example_DATA = %D%/gateway.json %D%/policy.json
