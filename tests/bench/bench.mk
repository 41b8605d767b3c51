# What a contained login costs, beside its peers; tests/bench/README.md says how and what was found.
# BENCH_ROUNDS, BENCH_ONLY and BENCH_ALIVE make a run shorter or longer. Nothing here fails for being slow.

BENCH_HELPERS := $(patsubst tests/bench/%.c,$(TEST_BUILD)/lib/bench-%,$(wildcard tests/bench/*.c))
BENCH_STATIC := floor spout net
BENCH_LIBS_pamlap := -lpam
$(TEST_BUILD)/lib/bench-floor: $(BUILD)/gen/filters.h
test-helpers: $(BENCH_HELPERS)
$(BENCH_HELPERS): $(TEST_BUILD)/lib/bench-%: tests/bench/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -std=gnu17 -O2 -g -I$(BUILD)/gen $(WARN) -Wno-unused-const-variable \
		$(if $(filter $*,$(BENCH_STATIC)),-static) -o $@ $< $(BENCH_LIBS_$*)

BENCH_TASKS ?= 30000
.PHONY: bench bench-deps
bench: test-stage test-images test-helpers
	$(Q)GKT_TASKS=$(BENCH_TASKS) GKT_BENCH_ROUNDS='$(BENCH_ROUNDS)' GKT_BENCH_ONLY='$(BENCH_ONLY)' \
		GKT_BENCH_ALIVE='$(BENCH_ALIVE)' BUILD='$(BUILD)' tests/lib/host tests/bench/run

BENCH_PEERS := bubblewrap crun runc firejail jailkit podman strace
bench-deps:
	$(Q)$(MAKE) deps DEPS_BUILD= DEPS_RUN= DEPS_TEST='$(BENCH_PEERS)'
