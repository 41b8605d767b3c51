#!/bin/bash
# timeout: 180
# image = host: mail from a session, as gocker.ini(5) tells: msmtp, and PHP's mail() by it, to the mail server's port with
# the host's network, and to its socket in `files` without a network. The server here is a small one that keeps
# what it gets.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
need python3
if ! command -v msmtp >/dev/null; then
	if [ "${GKT_FULL:-0}" = 1 ]; then skip_missing "mail" "msmtp is not installed"; else skip "mail" "msmtp is not installed (make deps-tools)"; fi
	exit 0
fi
add_user alice
set_ini 'image = host' 'pids_max = 60'
stack gt
mkdir -p /etc/gocker.d /run/gkt-mail
chmod 755 /run/gkt-mail

cat >"$GKT_WORK/server.py" <<'PY'
import os, socket, sys, threading
def serve(c, how):
    try:
        f = c.makefile('rwb', 0)
        say = lambda s: f.write(s.encode() + b'\r\n')
        peer = how
        if c.family == socket.AF_UNIX:
            uid = int.from_bytes(c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[4:8], 'little')
            peer = '%s, uid %d' % (how, uid)
        say('220 gkt ESMTP')
        message = None
        for line in f:
            line = line.decode().rstrip('\r\n')
            if message is not None:
                if line == '.':
                    name = '%s/got.%d' % (sys.argv[1], len(os.listdir(sys.argv[1])))
                    open(name + '.new', 'w').write('by: %s\n%s' % (peer, '\n'.join(message)))
                    os.rename(name + '.new', name)
                    message = None
                    say('250 ok')
                else:
                    message.append(line)
                continue
            verb = line.split(':')[0].upper().split(' ')[0]
            if verb in ('MAIL', 'RCPT'):
                envelope.append(line) if verb == 'RCPT' else (envelope := [line])
                say('250 ok')
            elif verb == 'DATA':
                message = list(envelope)
                say('354 go on')
            elif verb == 'QUIT':
                say('221 bye')
                return
            else:
                say('250 gkt')
    except OSError:
        pass
    finally:
        c.close()
def listen(s, how):
    s.listen(20)
    while True:
        c = s.accept()[0]
        threading.Thread(target=serve, args=(c, how), daemon=True).start()
tcp = socket.socket()
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind(('127.0.0.1', 25))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[2])
os.chmod(sys.argv[2], 0o666)
threading.Thread(target=listen, args=(tcp, 'tcp'), daemon=True).start()
open(sys.argv[2] + '.up', 'w').close()
listen(unix, 'socket')
PY
mkdir "$GKT_WORK/mail"
python3 "$GKT_WORK/server.py" "$GKT_WORK/mail" /run/gkt-mail/submission &
server=$!
wait_until 60 test -e /run/gkt-mail/submission.up
remember_host

session() { # CMD
	case $door in
	shell) run as_user alice "$GOCKER_SHELL" -c "$1" ;;
	pam)
		run pamdrive gt alice open try "export HOME=/home/alice USER=alice LOGNAME=alice; $1" close
		rc=$(sed -n 's/^run: //p' <<<"$out")
		;;
	esac
}
# received PATTERN...: the server has one message, with each of these lines; it is taken away.
received() {
	local got
	got=$(cat "$GKT_WORK/mail"/* 2>/dev/null)
	rm -f "$GKT_WORK/mail"/*
	for pattern; do
		grep -q "$pattern" <<<"$got" || { diag "no $pattern in: $got"; return 1; }
	done
}
message='printf "To: ben@host.example\nSubject: hello\n\nfrom a session\n"'
# What the manual says, word for word.
printf '%s\n' 'account default' 'host localhost' 'port 25' 'auto_from on' 'maildomain host.example' >/etc/msmtprc

for door in shell pam; do
	# With the host's network.
	set_ini 'image = host' 'pids_max = 60'
	rm -f /etc/gocker.d/host.allow
	session "$message | msmtp -t"
	isnt "$rc" 0 "control [$door]: without a line in host.allow msmtp has no server"
	echo /etc/msmtprc >/etc/gocker.d/host.allow
	session "$message | msmtp -t"
	is "$rc" 0 "[$door] msmtp -t sends to the host's mail server"
	check "[$door] which gets it, as from the user" received '^by: tcp$' '^MAIL FROM:<alice@' '^RCPT TO:<ben@host.example>' '^from a session$'
	if command -v php >/dev/null; then
		session "php -d sendmail_path='/usr/bin/msmtp -t' -r 'exit(mail(\"ben@host.example\", \"php\", \"from php\") ? 0 : 1);'"
		is "$rc" 0 "[$door] PHP's mail() does"
		check "[$door] which gets it" received '^by: tcp$' '^RCPT TO:<ben@host.example>' '^Subject: php' '^from php$'
	elif [ "${GKT_FULL:-0}" = 1 ]; then
		skip_missing "[$door] PHP's mail()" "php is not installed"
	fi

	# Without one: the server's socket. The administrator's file, and one of the user's own.
	set_ini 'image = host' 'pids_max = 60' 'network = none'
	session "$message | msmtp -t"
	isnt "$rc" 0 "control [$door]: with network = none the port is out of reach"
	is "$(ls "$GKT_WORK/mail")" "" "control [$door]: and nothing comes"
	set_ini 'image = host' 'pids_max = 60' 'network = none' 'files = /run/gkt-mail/submission'
	session "$message | msmtp -t --socket=/run/gkt-mail/submission"
	is "$rc" 0 "[$door] by a socket in files it is sent"
	check "[$door] and the server knows who it is" received "^by: socket, uid $(uid_of alice)\$" '^MAIL FROM:<alice@' '^from a session$'
done
kill "$server"
wait "$server" 2>/dev/null
check_clean "nothing is left"
