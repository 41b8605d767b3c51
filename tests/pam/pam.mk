# What the tests of the PAM door are written with: an application that does what it is told, and for
# the unit tests a module of its own that finds a keeper of theirs.

PAM_TEST_HELPERS := $(TEST_BUILD)/lib/pamdrive
test-helpers: $(PAM_TEST_HELPERS)
$(TEST_BUILD)/lib/pamdrive: tests/pam/pamdrive.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu17 -O1 -g $(WARN) -o $@ $< -lpam -lpthread

DEPS_TEST += pamtester cron at sudo login util-linux
