dist_man_MANS = %D%/lookout-gateway.8
