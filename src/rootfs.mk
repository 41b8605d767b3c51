# Images: `make rootfs` puts Alpine into the image directory, `make run` tries gocker out without
# installing anything.

IMAGE_DIR ?= $(DESTDIR)$(LOCALSTATEDIR)/lib/gocker/images
IMAGE ?= alpine
# Without these neither sftp nor scp works in a bare root. They come from this host, if it has them.
TOOLS ?= sftp-server scp
# A mirror of Alpine that lies beside the source tree is used when there is one.
ALPINE_MIRROR ?= $(addprefix file://,$(abspath $(wildcard ../shared/alpine)))
export ALPINE_MIRROR

.PHONY: need-root
need-root:
	@[ "$$(id -u)" = 0 ] || { echo 'run this as root: sudo make $(MAKECMDGOALS)' >&2; exit 1; }

rootfs: need-root $(BUILD)/gocker
	$(Q)$(BUILD)/gocker image fetch --image-dir '$(abspath $(IMAGE_DIR))' --fallback \
		$(TOOLS:%=--with %) '$(IMAGE)'

# Everything stays below $(BUILD): the image too.
RUN_CMD ?= /bin/sh
run: need-root $(BUILD)/gocker
	$(Q)$(BUILD)/gocker image fetch --quiet --image-dir '$(abspath $(BUILD))/images' \
		--fallback --if-missing '$(IMAGE)'
	$(Q)$(BUILD)/gocker run --image-dir '$(abspath $(BUILD))/images' --image '$(IMAGE)' $(RUN_CMD)
