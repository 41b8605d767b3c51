#!/bin/bash
# timeout: 9060
GOCKER_VM_PART=base exec "$(dirname "$0")/boot" bookworm systemd "$@"
