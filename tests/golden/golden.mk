# Golden tests: gocker.ini and a request in, the plan's text out, compared byte for byte.
# GOLDEN_UPDATE=1 tests/golden/plans.sh writes the plans anew; read the difference before committing.

PLAN_OF := $(TEST_BUILD)/golden/plan-of
$(PLAN_OF): $(BUILD)/tests/golden/plan-of.o $(BUILD)/tests/golden/case.o $(PLAN_LIB) $(BASE_LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(GK_CFLAGS) $(PIE_LDFLAGS) $(GK_LDFLAGS) -o $@ $^ $(INIPARSER_LIBS)

test-programs check-golden: $(PLAN_OF)
