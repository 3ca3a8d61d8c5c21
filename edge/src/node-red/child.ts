/** What runs in Node-RED's process before Node-RED: `node --import child.ts red.js …`. */

// Node-RED makes its files with mode 0644: flows, sessions and credentials would be open to every user of the machine.
process.umask(0o077);

// An agent that was killed can stop nobody: the end of the channel to it is the sign.
process.on('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 5000).unref();
});
process.channel?.unref();
