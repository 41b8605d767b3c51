// What editors keep on the remote side, as small as it can be: a WebSocket server (the package ws) that lives on
// without a client, knows a client again by its token, and has a process of its own for each, which runs commands.
//   node server.js --port=0 | --socket=PATH
// Says "listening on WHERE" on its stdout, as VS Code's server tells its port to the script that waits for it.
const { fork, execSync } = require('child_process');
const fs = require('fs');
const http = require('http');
const { WebSocketServer } = require('ws');

if (process.argv[2] === '--extension-host') {
	let asked = 0;
	process.on('disconnect', () => process.exit(0));
	process.on('message', ({ run }) => {
		let out;
		try {
			out = execSync(run, { encoding: 'utf8' });
		} catch (e) {
			out = `failed: ${e.status}`;
		}
		process.send({ host: process.pid, asked: ++asked, out: out.trim() });
	});
} else {
	const [how, where] = process.argv[2].slice(2).split('=');
	const hosts = new Map(); // by the client's token
	const server = http.createServer((request, response) => response.end('IDE\n'));
	new WebSocketServer({ server }).on('connection', (client) => {
		client.on('message', (data) => {
			const { token, run, end } = JSON.parse(data);
			if (end) process.exit(0);
			if (!hosts.has(token)) hosts.set(token, fork(__filename, ['--extension-host']));
			const host = hosts.get(token);
			host.once('message', (answer) => client.send(JSON.stringify({ server: process.pid, ...answer })));
			host.send({ run });
		});
	});
	process.on('SIGHUP', () => {});
	if (how === 'socket' && fs.existsSync(where)) fs.unlinkSync(where);
	server.listen(how === 'socket' ? where : { port: Number(where), host: '127.0.0.1' }, () => {
		console.log(`listening on ${how === 'socket' ? where : server.address().port}`);
	});
}
