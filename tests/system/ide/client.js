// The editor's side of server.js, on the client's machine: one question, the answer as JSON on stdout.
//   node client.js WAY TOKEN RUN
// WAY: port:N, unix:PATH, socks:N:PORT (PORT on the remote side, through a dynamic forward), or
// stdio:CMD (as the shell runs it). RUN "end" ends the server.
const { spawn } = require('child_process');
const net = require('net');
const WebSocket = require('ws');
const [way, token, run] = process.argv.slice(2);
const [kind] = way.split(':', 1);
const where = way.slice(kind.length + 1);

function fail(error) {
	console.error(String(error));
	process.exit(1);
}

// SOCKS 5 without authentication (RFC 1928), to 127.0.0.1.
function throughSocks(proxy, port, then) {
	const socket = net.connect(proxy, '127.0.0.1', () => socket.write(Buffer.from([5, 1, 0])));
	socket.once('error', fail);
	socket.once('data', () => {
		socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]));
		socket.once('data', (reply) => (reply[1] === 0 ? then(socket) : fail(`socks: ${reply[1]}`)));
	});
}

function throughStdio(command, then) {
	const path = `${process.env.GKT_WORK || '/tmp'}/ide-${process.pid}`;
	const local = net.createServer((socket) => {
		const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'] });
		socket.pipe(child.stdin);
		child.stdout.pipe(socket);
		socket.on('close', () => child.kill());
	});
	local.listen(path, () => then(net.connect(path)));
}

function talk(socket) {
	const client = new WebSocket('ws://127.0.0.1/', { createConnection: () => socket });
	const message = run === 'end' ? { token, end: true } : { token, run };
	client.on('error', fail);
	client.on('open', () => client.send(JSON.stringify(message)));
	client.on('message', (data) => {
		console.log(String(data));
		process.exit(0);
	});
	client.on('close', () => process.exit(run === 'end' ? 0 : 1));
}

if (kind === 'socks') throughSocks(...where.split(':').map(Number), talk);
else if (kind === 'stdio') throughStdio(where, talk);
else talk(kind === 'unix' ? net.connect(where) : net.connect(Number(where), '127.0.0.1'));
