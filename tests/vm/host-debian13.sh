#!/bin/bash
# timeout: 600
exec "$(dirname "$0")/boot" trixie systemd "$@"
