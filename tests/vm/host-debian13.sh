#!/bin/bash
# timeout: 1860
exec "$(dirname "$0")/boot" trixie systemd "$@"
