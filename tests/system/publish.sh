#!/bin/bash
# timeout: 300
# publish, with pasta.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/world.sh"
. "$(dirname "$0")/_publish.sh"
need ip pasta nft
need_product
if ! make_world; then
	skip "publish" "this machine has no tun device, veth or nf_tables"
	exit 0
fi
kind=pasta
through_each_door rows

set_ini 'network = host' 'publish = 8000'
run "$GOCKER" explain pub-shell
like "$err" 'publish needs network = private' "in the host's network it is refused"
set_ini 'publish = 80'
run "$GOCKER" check
like "$err$out" 'publish: "80" has an item that is not a range of ports from 1024 on' "check refuses a port that takes privilege to open"
