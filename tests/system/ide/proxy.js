// As Zed's `proxy`: joins its stdin and stdout to a server behind a socket, and starts that where there is none.
//   node proxy.js SOCKET
const { spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const path = process.argv[2];

function join(tries) {
	const socket = net.connect(path);
	socket.on('connect', () => {
		process.stdin.pipe(socket);
		socket.pipe(process.stdout);
		socket.on('close', () => process.exit(0));
	});
	socket.on('error', () => {
		if (tries === 600) {
			const log = fs.openSync(`${path}.log`, 'a');
			spawn(process.execPath, [`${__dirname}/server.js`, `--socket=${path}`], {
				detached: true,
				stdio: ['ignore', log, log],
			}).unref();
		}
		if (tries === 0) process.exit(1);
		setTimeout(() => join(tries - 1), 100);
	});
}
join(600);
