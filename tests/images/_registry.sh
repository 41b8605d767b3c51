# shellcheck shell=bash
# A registry on the loopback, whose pid is in $registry, and which the container tools may use without TLS.

start_registry() { # [HOST [PORT]]: by which it is known; default 127.0.0.1, port 5000
	local host=${1:-127.0.0.1} port=${2:-5000}
	cat >/srv/registry.yml <<-END
		version: 0.1
		log: { level: warn }
		storage: { filesystem: { rootdirectory: /srv/registry }, delete: { enabled: true } }
		http: { addr: "127.0.0.1:$port" }
	END
	docker-registry serve /srv/registry.yml >/srv/registry.log 2>&1 &
	registry=$!
	check "the registry listens" wait_until 60 registry_listens "$port"
	mkdir -p /etc/containers/registries.conf.d
	[ "$port" = 80 ] || host+=:$port
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$host" \
		>/etc/containers/registries.conf.d/gocker-test.conf
}

registry_listens() { (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null; }
