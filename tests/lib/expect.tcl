# What an `expect_test` may use. Every step either succeeds or ends the script with a failure that
# says what was awaited and what was seen; there is no way to pass by accident.
# Every time limit of a test is this much longer on a slow machine.
set slow [expr {[info exists env(GKT_SLOW)] ? $env(GKT_SLOW) : 1}]
set timeout [expr {60 * $slow}]
set stty_init "rows 24 columns 80"
match_max 100000
log_user 0
set seen ""

proc fail {why} {
	global seen
	set tail ""
	catch { expect -timeout 0 -re {.+} { set tail $expect_out(0,string) } }
	puts "FAILED: $why\n--- seen before ---\n$seen\n--- last ---\n$tail"
	exit 1
}

# Awaits a regular expression and returns what matched. busybox's shell asks for the cursor's place
# after each prompt, as if it were output: a pattern's end allows for that.
proc want {re {seconds 60}} {
	global seen expect_out slow
	regsub {\$$} $re {(\u001b\[6n)?$} re
	expect {
		-timeout [expr {$seconds * $slow}]
		-re $re {
			append seen $expect_out(buffer)
			return $expect_out(0,string)
		}
		timeout { fail "no \"$re\" within $seconds s" }
		eof { fail "no \"$re\" before the end" }
	}
}

# Must not appear for that many seconds.
proc never {re {seconds 1}} {
	expect {
		-timeout $seconds
		-re $re { fail "\"$re\" appeared" }
		timeout { return }
		eof { return }
	}
}

proc say {text} { send -- "$text\r" }

# A real interactive login; the prompt is made something that no echo can look like.
proc login {user args} {
	global spawn_id spawn_out
	eval spawn -noecho ssh -tt -l $user gocker $args
	want_prompt
	prompt
}
proc want_prompt {} { want {[#$] $} }
proc prompt {} {
	say {PS1="PRO""MPT> "}
	want_ready
}
proc want_ready {{seconds 60}} { want {PROMPT> $} $seconds }

# Runs a command at the prompt and returns what it printed, without the echo.
proc ask {command {seconds 60}} {
	say $command
	global expect_out
	want_ready $seconds
	regsub {PROMPT> (\033\[6n)?$} $expect_out(buffer) {} text
	regsub {^[^\n]*\n} $text {} text
	return [string trim $text]
}

# Awaits the end and returns the exit status; a death by signal is 128 + N.
proc ended {{seconds 60}} {
	global slow
	expect {
		-timeout [expr {$seconds * $slow}]
		eof {}
		timeout { fail "did not end within $seconds s" }
	}
	set result [wait]
	if {[llength $result] > 4 && [lindex $result 4] eq "CHILDKILLED"} { return [lrange $result 4 5] }
	return [lindex $result 3]
}

# Awaits that a process with just these arguments runs, wherever: neither about to start nor stopped. A key
# that sends a signal meets it then, and not the shell.
proc running {arguments {states S,R,D}} {
	global slow
	for {set i 0} {$i < 1200 * $slow} {incr i} {
		if {![catch {exec pgrep -r $states -fx -- $arguments}]} { return }
		after 50
	}
	fail "no \"$arguments\" is in $states"
}
proc stopped {arguments} { running $arguments T }

# Awaits that such a process is in its terminal's foreground. A shell's fg names the job first: a key that comes
# before it has handed the terminal over is the shell's.
proc in_front {arguments} {
	global slow
	for {set i 0} {$i < 1200 * $slow} {incr i} {
		if {![catch {exec pgrep -fx -- $arguments} pids]} {
			foreach pid $pids {
				if {![catch {exec ps -o stat= -p $pid} stat] && [string match {[SR]*+*} $stat]} { return }
			}
		}
		after 50
	}
	fail "no \"$arguments\" is in front"
}

# Awaits that a command at the prompt prints what is wanted.
proc becomes {command wanted} {
	global slow
	for {set i 0} {$i < 100 * $slow} {incr i} {
		set got [ask $command]
		if {$got eq $wanted} { return }
		after 200
	}
	fail "\"$command\" still says \"$got\", wanted \"$wanted\""
}

# Changes the terminal's size, as a window does that is resized.
proc resize {rows columns} {
	global spawn_out
	exec stty rows $rows columns $columns <$spawn_out(slave,name)
}

proc equal {got wanted} {
	if {$got ne $wanted} { fail "got \"$got\", wanted \"$wanted\"" }
}
