# What the image tests need besides: programs, a Debian root, made once, and packages that others are made of.
DEPS_TEST += skopeo buildah crun umoci docker-registry gpg gpgv jq python3 xz-utils zstd openssl git rsync mmdebstrap \
	python3-yaml vim file

.PHONY: test-debian
test-debian:
	$(Q)tests/images/debian-root $(TEST_BUILD)/debian.tar || \
		echo 'No Debian root: the tests of one are left out.' >&2
	$(Q)tests/images/debian-debs $(TEST_BUILD)/debs || \
		echo 'No packages of Debian: the test of images of packages is left out.' >&2
ifeq ($(shell id -u),0)
check check-images: test-debian
endif

# A million entries, unpacked; a third distribution of packages.
.PHONY: audit audit-images
audit:: audit-images
audit-images: test-stage test-images test-helpers
	$(Q)GKT_FULL=1 $(RUN_TESTS) tests/images/hostile.sh tests/images/packages.sh
