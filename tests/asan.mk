# make check-asan: the unit and golden tests, and all that runs unprivileged, under ASan and UBSan.

SAN_BUILD ?= $(BUILD)-asan
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_OPTIONS := ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0 \
	UBSAN_OPTIONS=print_stacktrace=1
MAKE_SANITIZED = $(MAKE) BUILD='$(SAN_BUILD)' SANITIZE='$(SAN_FLAGS)' OPT='-O2 -g'

.PHONY: check-asan
check-asan:
	$(Q)$(MAKE_SANITIZED) $(PARALLEL) test-programs
	$(Q)$(SAN_OPTIONS) $(MAKE_SANITIZED) -j1 check-unit check-golden
