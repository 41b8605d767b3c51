# Whole hosts under emulation; tests/vm/README.md says more.

DEPS_VM := qemu-system-x86 mmdebstrap e2fsprogs

# Those first that take longest. A host waits half of its time: five at once keep two processors busy. Each may
# come to take 3 GiB.
VM_HOSTS := $(foreach host,debian12-plain debian12 debian13 debian12-logins debian13-logins debian12-package \
	debian13-package debian12-network debian13-network,tests/vm/host-$(host).sh)
VM_JOBS ?= $(shell awk '/^MemAvailable:/ { n = int($$2 / 3145728); print (n > 5 ? 5 : n < 1 ? 1 : n) }' /proc/meminfo)
VM_PAYLOAD := $(BUILD)/vm/payload.tar

# Where the images of hosts are kept, and of which releases.
VM_CACHE = $(or $(GOCKER_VM_CACHE),$(BUILD)/vm)
VM_SUITES := bookworm trixie

.PHONY: check-vm deps-vm vm-images vm-payload

deps-vm:
	$(Q)$(MAKE) deps DEPS_BUILD= DEPS_RUN= DEPS_TEST='$(DEPS_VM)'

# What a host takes in from its second disk: the product as installed, its image, and the tests.
vm-payload: test-stage test-images test-helpers
	$(Q)tests/vm/payload $(TEST_BUILD) $(VM_PAYLOAD)

# Once made they are kept; two at a time, since much of it is waiting for packages.
vm-images:
	$(Q)pids=; for suite in $(VM_SUITES); do tests/vm/image $$suite '$(VM_CACHE)' >/dev/null & pids="$$pids $$!"; done; \
		for pid in $$pids; do wait $$pid; done

check-vm: vm-payload vm-images
	$(Q)JOBS=$(VM_JOBS) $(RUN_TESTS) $(VM_HOSTS) tests/vm/_after

# The long round: 2,000 sessions on each host.
.PHONY: audit audit-vm
audit:: audit-vm
audit-vm: vm-payload vm-images
	$(Q)JOBS=$(VM_JOBS) GKT_FULL=1 $(RUN_TESTS) $(VM_HOSTS)
