# Whole hosts under emulation; tests/vm/README.md says more.

DEPS_VM := qemu-system-x86 mmdebstrap e2fsprogs

VM_HOSTS := $(sort $(wildcard tests/vm/host-*.sh))
VM_PAYLOAD := $(BUILD)/vm/payload.tar

.PHONY: check-vm deps-vm vm-payload

deps-vm:
	$(Q)$(MAKE) deps DEPS_BUILD= DEPS_RUN= DEPS_TEST='$(DEPS_VM)'

# What a host takes in from its second disk: the product as installed, its image, and the tests.
vm-payload: test-stage test-images test-helpers
	$(Q)tests/vm/payload $(TEST_BUILD) $(VM_PAYLOAD)

check-vm: vm-payload
	$(Q)$(RUN_TESTS) $(VM_HOSTS)
