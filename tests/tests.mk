# How gocker is tested; tests/README.md says more. GOCKER_MUST_WORK=1 makes a failure of every skip
# that this machine could have run.

DEPS_TEST += nftables passt expect procps strace curl perl bsdutils tmux jq

TEST_BUILD := $(BUILD)/tests
TEST_HELPERS := $(patsubst tests/lib/%.c,$(TEST_BUILD)/lib/%,$(wildcard tests/lib/*.c))
# What runs inside a container as well, where the C library is another one.
STATIC_HELPERS := $(patsubst tests/lib/static/%.c,$(TEST_BUILD)/lib/%,$(wildcard tests/lib/static/*.c))

.PHONY: check check-unit check-golden check-system test-helpers test-stage test-images

test-helpers: $(TEST_HELPERS) $(STATIC_HELPERS)
$(TEST_HELPERS): $(TEST_BUILD)/lib/%: tests/lib/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu17 -O1 -g $(WARN) -o $@ $<
$(STATIC_HELPERS): $(TEST_BUILD)/lib/%: tests/lib/static/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu17 -O1 -g $(WARN) -static -o $@ $<

# The product as installed, and the image, as a throwaway host takes them in.
test-stage: build
	$(Q)rm -rf $(TEST_BUILD)/stage.new && mkdir -p $(TEST_BUILD)
	$(Q)$(MAKE) -s install DESTDIR='$(abspath $(TEST_BUILD))/stage.new' >/dev/null
	$(Q)rm -rf $(TEST_BUILD)/stage && mv $(TEST_BUILD)/stage.new $(TEST_BUILD)/stage
test-images:
	$(Q)tests/lib/images $(TEST_BUILD)/images || \
		echo 'No Alpine image: the tests that need it are left out. See ALPINE_MIRROR.' >&2

# Unit tests: each tests/unit/test_*.c is a program.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(TEST_BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
.SECONDARY: $(UNIT_TESTS:$(TEST_BUILD)/%=$(BUILD)/tests/%.o)
$(UNIT_TESTS): $(TEST_BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(IMAGE_LIB) $(CORE_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) $(PIE_LDFLAGS) $(GK_LDFLAGS) -o $@ $^ $(UNIT_EXTRA_$*) -lcmocka \
		$(INIPARSER_LIBS) $(JSON_LIBS) $(ARCHIVE_LIBS) $(CURL_LIBS)

# What the unit and golden tests need, on all processors also where make was not told to.
.PHONY: test-programs
test-programs: build $(UNIT_TESTS)
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# A family is a folder of scripts below tests/, each run as root in a throwaway host of its own.
# Its _after, if it has one, looks at the logs of all of them.
scripts = $(foreach f,$(sort $(wildcard tests/$(1)/*.sh)),$(if $(filter _%,$(notdir $(f))),,$(f)))
after = $(wildcard tests/$(1)/_after)
family = $(call scripts,$(1)) $(call after,$(1))
ROOT_FAMILIES := system hostile clients pam images admin packaging bench
GOLDEN_TESTS = $(call family,golden)
# By env, so that make starts it without a shell between that would not hand on a signal sent to make.
RUN_TESTS = env BUILD='$(BUILD)' tests/run

check-unit: $(UNIT_TESTS)
	$(Q)$(if $(UNIT_TESTS),$(RUN_TESTS) $(UNIT_TESTS),echo 'no unit tests')
check-golden: build
	$(Q)$(if $(GOLDEN_TESTS),$(RUN_TESTS) $(GOLDEN_TESTS),echo 'no golden tests')

ROOT_CHECKS := $(ROOT_FAMILIES:%=check-%)
.PHONY: $(ROOT_CHECKS)
$(ROOT_CHECKS): check-%: test-stage test-images test-helpers
	$(Q)$(RUN_TESTS) $(call family,$*); s=$$?; \
		if [ -x tests/$*/_table ]; then tests/$*/_table $(BUILD)/tests/log; fi; exit $$s

# Those that take minutes start first: one that starts last is waited for alone.
LONG_TESTS := $(addprefix tests/,packaging/debian.sh hostile/inside.sh admin/drain.sh pam/refused.sh packaging/walk-tools.sh \
	hostile/outlive.sh)
ALL_SCRIPTS = $(foreach f,$(ROOT_FAMILIES),$(call scripts,$(f)))

ifeq ($(shell id -u),0)
check:
	$(Q)$(MAKE) $(PARALLEL) -s test-programs test-helpers test-stage test-images
	$(Q)$(RUN_TESTS) $(UNIT_TESTS) $(GOLDEN_TESTS) \
		$(LONG_TESTS) $(filter-out $(LONG_TESTS),$(ALL_SCRIPTS)) \
		$(foreach f,$(ROOT_FAMILIES),$(call after,$(f)))
else
check:
	$(Q)$(MAKE) $(PARALLEL) test-programs
	@echo 'Not root: tests/{unit,golden} only; $(ROOT_FAMILIES) need root (sudo make check).'
	$(Q)$(RUN_TESTS) $(UNIT_TESTS) $(GOLDEN_TESTS)
endif

# Everything on a throwaway host; the script installs and builds what it needs itself.
demo:
	@env BUILD='$(BUILD)' tests/demo.sh

# README's picture of a session, recorded anew on a throwaway host.
.PHONY: session.svg
session.svg: test-stage test-images test-helpers
	$(Q)BUILD='$(BUILD)' tests/lib/host tests/picture.sh >packaging/session.svg.new && \
		mv packaging/session.svg.new packaging/session.svg
