# The hostile family's own programs: inside/*.c run in containers too (static), outside/*.c on the host.
HOSTILE_INSIDE := $(patsubst tests/hostile/inside/%.c,$(TEST_BUILD)/lib/%,$(wildcard tests/hostile/inside/*.c))
HOSTILE_OUTSIDE := $(patsubst tests/hostile/outside/%.c,$(TEST_BUILD)/lib/%,$(wildcard tests/hostile/outside/*.c))
HOSTILE_CC = $(CC) -D_GNU_SOURCE -std=gnu17 -O1 -g $(WARN)
test-helpers: $(HOSTILE_INSIDE) $(HOSTILE_OUTSIDE)
$(HOSTILE_INSIDE): $(TEST_BUILD)/lib/%: tests/hostile/inside/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOSTILE_CC) -o $@ $< -static
$(HOSTILE_OUTSIDE): $(TEST_BUILD)/lib/%: tests/hostile/outside/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOSTILE_CC) -o $@ $< -lseccomp

# Stands in for the loader of a host's program, without a C library.
HOSTILE_LOADER := $(TEST_BUILD)/lib/loader
test-helpers: $(HOSTILE_LOADER)
$(HOSTILE_LOADER): tests/hostile/bare/loader.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(HOSTILE_CC) -static -nostdlib -ffreestanding -fno-stack-protector -o $@ $<

# Everything that takes long, in full.
.PHONY: audit audit-hostile
audit:: audit-hostile
audit-hostile: test-stage test-images test-helpers
	$(Q)GKT_FULL=1 $(RUN_TESTS) $(call family,hostile)

# The filters of both architectures, run by a unit test.
UNIT_EXTRA_test_seccomp := -lseccomp
$(BUILD)/tests/unit/test_seccomp.o: $(BUILD)/gen/filters.h
