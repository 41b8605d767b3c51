# shellcheck shell=bash
# A registry on the loopback, whose pid is in $registry, and which the container tools may use without TLS.

start_registry() {
	cat >/srv/registry.yml <<-'END'
		version: 0.1
		log: { level: warn }
		storage: { filesystem: { rootdirectory: /srv/registry }, delete: { enabled: true } }
		http: { addr: "127.0.0.1:5000" }
	END
	docker-registry serve /srv/registry.yml >/srv/registry.log 2>&1 &
	registry=$!
	check "the registry listens" wait_until 60 registry_listens
	mkdir -p /etc/containers/registries.conf.d
	printf '[[registry]]\nlocation = "127.0.0.1:5000"\ninsecure = true\n' \
		>/etc/containers/registries.conf.d/gocker-test.conf
}

registry_listens() { (: </dev/tcp/127.0.0.1/5000) 2>/dev/null; }
