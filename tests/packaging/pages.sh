#!/bin/bash
# Pages, --help and the parsers tell the same: every command, every option, every key.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
need mandoc
man=$GKT_TOP/packaging/man

text_of() { mandoc -Tascii "$man/$1" 2>/dev/null | col -bx; }
text_of gocker.8 >"$GKT_WORK/gocker.8"
text_of gocker.ini.5 >"$GKT_WORK/gocker.ini.5"

# --- gocker(8) ---

commands_of_help() { "$GOCKER" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p' | sort; }
commands_of_page() { sed -n 's/^\.Ss gocker \([a-z]*\).*/\1/p' "$man/gocker.8" | sort; }
is "$(commands_of_page)" "$(commands_of_help)" "gocker(8) has the commands that --help has, and no others"

section_of() { # COMMAND: its part of the page
	awk -v head="^   gocker $1( |\$)" '/^   ?[^ ]/ || /^[^ ]/ { on = $0 ~ head } on' "$GKT_WORK/gocker.8"
}
image_commands() { "$GOCKER" image --help | sed -n 's/^  \([a-z]\{1,\}\) \[.*/\1/p'; }

# help_of COMMAND: its --help; of image that of its commands too.
help_of() {
	"$GOCKER" "$1" --help
	if [ "$1" = image ]; then for sub in $(image_commands); do "$GOCKER" image "$sub" --help; done; fi
}

# Options that begin a line, as both a page and a help text list them.
listed_options() {
	sed -n 's/^ *\(-[-a-zA-Z0-9, ]*\).*/\1/p' | grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z0-9-]*' | tr -d ', ' | sort -u
}

# The options that the parser of a command knows, out of the table that it works from.
parsed_options() {
	"$GOCKER" help --table | awk -F '\t' -v command="$1" '($1 == command || index($1, command " ") == 1) && $2 != "args" { print $2 }' |
		sort -u
}

for command in $(commands_of_help); do
	help_of "$command" >"$GKT_WORK/help"
	section_of "$command" | listed_options >"$GKT_WORK/in-page"
	{
		listed_options <"$GKT_WORK/help"
		sed -n '/^Usage/,/^$/p' "$GKT_WORK/help" | grep -oE -- '\[--?[a-z0-9-]+' | tr -d '['
		echo --help
	} | sort -u >"$GKT_WORK/in-help"
	parsed_options "$command" >"$GKT_WORK/in-parser"
	is "$(cat "$GKT_WORK/in-page")" "$(cat "$GKT_WORK/in-help")" \
		"gocker $command: the page has the options that --help has, and no others"
	is "$(cat "$GKT_WORK/in-page")" "$(cat "$GKT_WORK/in-parser")" "gocker $command: and the parser's table has the same"
	"$GOCKER" "$command" --no-such-option </dev/null >/dev/null 2>&1
	# Of run and its like the 2 would be the command's own.
	is $? "$([[ $command = run || $command = exec ]] && echo 125 || echo 2)" "gocker $command: another option is wrong use"
done
for sub in $(image_commands); do
	like "$(section_of image)" "     $sub \[option" "gocker image $sub is in the page"
done

like "$(tr -s ' \n' ' ' <"$GKT_WORK/gocker.8")" 'Only root can do most of it; check and explain are for everybody' \
	"gocker(8) says what is for everybody"
add_user nora
for command in $(commands_of_help); do
	case $command in
	check | explain) continue ;;
	image) args="list" ;;
	run | exec | enable | disable | kill | stop | inspect | freeze | thaw) args="x y" ;;
	*) args= ;;
	esac
	# shellcheck disable=SC2086 # words
	run as_user nora "$GOCKER" "$command" $args
	like "$rc:$err" '^[1-9][0-9]*:.*only root can' "gocker $command is for root"
done
set_ini
check "gocker check is not" as_user nora "$GOCKER" check
check "nor is gocker explain" as_user nora "$GOCKER" explain nora

# --- gocker.ini(5) ---

keys_of_source() { sed -n 's/^\t\[GK_KEY_[A-Z_]*\] = { "\([a-z_]*\)".*/\1/p' "$GKT_TOP/src/plan/keys.c" | sort; }
keys_of_page() { sed -n 's/^\.It Cm \([a-z_]*\).*/\1/p' "$man/gocker.ini.5" | sort; }
add_user alice
set_ini
is "$(keys_of_page)" "$(keys_of_source)" "gocker.ini(5) has the keys that the parser has, and no others"
"$GOCKER" explain alice >"$GKT_WORK/explained"
for key in $(keys_of_source); do
	grep -q "^ *$key\b" "$GKT_WORK/explained" || not_ok "gocker explain shows $key"
done
ok "explain shows every key"
# Without the examples at its end.
sed '/^; ---- examples/,$d' "$GKT_TOP/conf/gocker.ini" >"$GKT_WORK/shipped.ini"
is "$(sed -n 's/^\(; \)\{0,1\}\([a-z_]*\) = .*/\2/p' "$GKT_WORK/shipped.ini" | sort)" "$(keys_of_source)" \
	"the shipped gocker.ini has every key once"
chmod 644 "$GKT_WORK/shipped.ini"
values() { awk '/^$/ { n++ } n == 1 && NF { print $1, $2 }'; }
is "$("$GOCKER" explain --config "$GKT_WORK/shipped.ini" alice | values)" "$(values <"$GKT_WORK/explained")" \
	"and each with its default"
for profile in ctf students developers; do
	sed -n "/^; \[group:$profile\]/,/^\$/s/^; //p" "$GKT_TOP/conf/gocker.ini" >"$GKT_WORK/$profile.ini"
	check "its profile for $profile has no fault" "$GOCKER" check "$GKT_WORK/$profile.ini"
	check "and some keys" test "$(grep -c ' = ' "$GKT_WORK/$profile.ini")" -ge 8
done

# What the page calls the default is what an empty file gives.
default_of_page() { # KEY: as the source of the page has it, without its macros
	awk -v key="$1" '$1 == ".It" && $2 == "Cm" { on = $3 == key } on && /^Default:/ { show = 1 }
		on && show { print } on && show && /\.$| \.$/ { exit }' "$man/gocker.ini.5" |
		sed 's/^Default:*//; s/^\.[A-Z][a-z] //; s/ *\.$//' | tr -d '\n' | sed 's/^ *//'
}
for key in $(keys_of_source); do
	want=$(awk -F '  +' -v key="$key" '$1 == key { print $2 == "\"\"" ? "none" : $2; exit }' "$GKT_WORK/explained")
	is "$(default_of_page "$key")" "$want" "gocker.ini(5): the default of $key"
done

# The table of profiles is what explain shows of each.
for profile in work web ctf ide; do
	printf '[default]\nprofile = %s\n' $profile >"$GKT_WORK/$profile.ini"
	awk -v name=$profile '/^\.It Sy key/ { for (i = 1; i <= NF; i++) if ($i == name) n = (i - 3) / 3 + 1; on = 1; next }
		on && /^\.El/ { exit } on { split($0, cell, " Ta "); sub(/^\.It /, "", cell[1]); print cell[1], cell[n] }' \
		"$man/gocker.ini.5" | sort >"$GKT_WORK/in-page"
	"$GOCKER" explain --config "$GKT_WORK/$profile.ini" alice | awk -v name=$profile '$NF == name && /, profile / { print $1, $2 }' |
		sort >"$GKT_WORK/in-explain"
	check "profile $profile has values" test "$(wc -l <"$GKT_WORK/in-page")" -ge 12
	is "$(cat "$GKT_WORK/in-page")" "$(cat "$GKT_WORK/in-explain")" "gocker.ini(5): the values of profile $profile"
done

# A key that the page does not have is none.
printf '[default]\nno_such_key = 1\n' >"$GKT_WORK/bad.ini"
run "$GOCKER" check "$GKT_WORK/bad.ini"
is "$rc" 1 "check refuses a key that is in no page"
sed -n '/^\[gocker\]/,/^\.Ed/p' "$man/gocker.ini.5" | grep -v '^\.' >"$GKT_WORK/example.ini"
check "the page's example has no fault" "$GOCKER" check "$GKT_WORK/example.ini"
check "the shipped gocker.ini has no fault" "$GOCKER" check "$GKT_TOP/conf/gocker.ini"

# --- pam_gocker(8) ---

options_of_module() { # a word alone, or NAME=
	sed -n 's/.*strcmp(argv\[i\], "\([a-z_]*\)").*/\1/p; s/.*= value_of(argv\[i\], "\([a-z_]*\)").*/\1=/p' \
		"$GKT_TOP/pam/options.c"
	grep -oE '\{ "[a-z]+", GK_LINK_[A-Z]+ \}' "$GKT_TOP/pam/options.c" | sed 's/.*"\(.*\)".*/\1=/'
}
options_of_pam_page() { sed -n '/^\.Ss Options/,/^\.El/s/^\.It //p' "$man/pam_gocker.8" | grep -oE 'Cm [a-z_]+=?' | cut -c4-; }
is "$(options_of_pam_page | sort)" "$(options_of_module | sort)" "pam_gocker(8) has the module's options, and no others"
