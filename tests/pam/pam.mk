# What the tests of the PAM door are written with: an application that does what it is told, and for
# the unit tests a module of its own that finds a keeper of theirs.

PAM_TEST_HELPERS := $(addprefix $(TEST_BUILD)/lib/,pamdrive pam_rename.so pam_trace.so differ)
test-helpers: $(PAM_TEST_HELPERS)
$(TEST_BUILD)/lib/pamdrive: tests/pam/pamdrive.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu17 -O1 -g $(WARN) -o $@ $< -lpam -lpthread
$(TEST_BUILD)/lib/differ: tests/pam/differ.c $(call objs,pam/judge.c pam/stack.c pam/stack-ask.c) $(CORE_LIBS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -std=gnu17 -O1 -g $(WARN) -rdynamic -o $@ $^ $(INIPARSER_LIBS) -lpam
$(TEST_BUILD)/lib/pam_%.so: tests/pam/pam_%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu17 -O1 -g $(WARN) -fPIC -shared -o $@ $< -lpam

DEPS_TEST += pamtester cron at sudo login util-linux

# The unit test's module is the real one but for where it looks for its keeper.
PAM_TEST_DIR := $(TEST_BUILD)/pam
PAM_TEST_CPP = $(filter-out -DGK_LIBEXECDIR=%,$(CPPFLAGS)) -DGK_LIBEXECDIR='"$(abspath $(PAM_TEST_DIR))"'
UNIT_EXTRA_test_pam := -lpam
# Both have this path in them: a tree that was moved or copied makes them again.
$(PAM_TEST_DIR)/where: FORCE
	$(Q)mkdir -p $(@D); echo '$(abspath $(PAM_TEST_DIR))' | cmp -s - $@ || echo '$(abspath $(PAM_TEST_DIR))' >$@
$(BUILD)/tests/unit/test_pam.o $(PAM_TEST_DIR)/pam_gocker.so: $(PAM_TEST_DIR)/where
$(BUILD)/tests/unit/test_pam.o: CPPFLAGS += -DGK_TEST_PAM_DIR='"$(abspath $(PAM_TEST_DIR))"'
$(TEST_BUILD)/unit/test_pam: | $(PAM_TEST_DIR)/pam_gocker.so $(PAM_TEST_DIR)/gocker-keeper
$(PAM_TEST_DIR)/pam_gocker.so: $(wildcard pam/*.c pam/*.h) src/base/fdpass.c pam/pam_gocker.map $(BUILD)/flags \
		$(BUILD)/gen/filters.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(PAM_TEST_CPP) $(GK_CFLAGS) -fPIC -fvisibility=hidden -shared $(GK_LDFLAGS) \
		-Wl,-z,nodelete -Wl,--version-script=pam/pam_gocker.map -o $@ $(PAM_SRC) -lpam
$(PAM_TEST_DIR)/gocker-keeper: tests/pam/fake-keeper.c pam/link.h src/base/fdpass.c $(BUILD)/flags
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(GK_CFLAGS) $(GK_LDFLAGS) -o $@ $< src/base/fdpass.c

# What takes too long for every check: 3,000 kills, 10,000 opens, each call failing five times.
.PHONY: audit audit-pam
audit:: audit-pam
audit-pam: test-stage test-images test-helpers
	$(Q)GKT_FULL=1 GKT_KILLS=3000 GKT_OPENS=10000 GKT_INJECT=5 $(RUN_TESTS) tests/pam/kill.sh tests/pam/loop.sh \
		tests/pam/inject.sh
