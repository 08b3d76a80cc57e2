// line.mjs LINE EVENTS: waits for so many events of a line, such as /dev/irq/0000:00:02.0/msi0.
import { fork } from 'node:child_process';
import { openSync, readSync } from 'node:fs';

const [, program, path, events] = process.argv;

if (process.send) {
	// The child sleeps in read, which arms the line. Each message asks for the next events.
	const line = openSync(path);
	const count = new Int32Array(1);
	process.on('message', () => {
		readSync(line, count);
		process.send(count[0]);
	});
	process.send('open');
} else {
	const line = fork(program, [path]);
	let left = Number(events);
	line.on('message', (said) => {
		console.log(said);
		// Here, make the device quiet.
		if (left-- === 0)
			line.kill();
		else
			line.send('next');
	});
	// A signal has no status.
	line.on('exit', (status) => { process.exitCode = status ?? 0; });
}
