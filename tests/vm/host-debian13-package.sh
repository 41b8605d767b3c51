#!/bin/bash
# timeout: 9060
GOCKER_VM_PART=package exec "$(dirname "$0")/boot" trixie systemd "$@"
