# shellcheck shell=bash
# What the tests of lasting containers share: an image named last that has tmux, with the locale and the terminals' descriptions
# that it needs, and ssh-add; words for what ps lists.
make_last_image() {
	cp -a /var/lib/gocker/images/alpine "$GKT_WORK/root"
	mkdir -p "$GKT_WORK/root/usr/lib/locale" "$GKT_WORK/root/lib/terminfo"
	cp -a /usr/lib/locale/C.utf8 "$GKT_WORK/root/usr/lib/locale/"
	cp -a /lib/terminfo/[stx] "$GKT_WORK/root/lib/terminfo/"
	own_images
	tar -C "$GKT_WORK/root" -c . | "$GOCKER" image import -q last -
	image_with last tmux /usr/bin/ssh-add
}

kinds() { "$GOCKER" ps --format '{kind}' | sort | uniq -c | awk '{ printf "%s%s:%s", (NR > 1) ? " " : "", $2, $1 }'; }
container() { "$GOCKER" ps --format '{kind} {id}' | sed -n 's/^container //p'; }
login() { "$GOCKER" ps --format '{kind} {id}' | sed -n 's/^login //p'; }
no_logins() { [ -z "$(login)" ]; }

# hold_login USER [SCRIPT [SIGN]]: a login on a terminal that stays, and shows the sign; held is its client. OPTIONS
# are the client's.
hold_login() {
	rm -f "$GKT_WORK/held"
	ssh "${OPTIONS[@]}" -tt -l "$1" gocker "${2:-:}; echo ready; sleep 3333; sleep 3333" </dev/null >"$GKT_WORK/held" 2>&1 &
	held=$!
	wait_until 60 grep -q "${3:-ready}" "$GKT_WORK/held" || not_ok "a login of $1 can be held" "$(cat "$GKT_WORK/held")"
}
OPTIONS=()
