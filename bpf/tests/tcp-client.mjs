// Connects `count` times, one after the other, and prints what each connection answered (or its error) as JSON.
import { connect } from 'node:net';

const [host, port, count] = process.argv.slice(2);

function ask() {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port: Number(port), timeout: 3000 });
    socket.on('data', (text) => (answer += text));
    socket.on('error', (error) => resolve(error.code));
    socket.on('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    socket.on('close', () => resolve(answer));
  });
}

const answers = [];
for (let i = 0; i < Number(count); i++) answers.push(await ask());
console.log(JSON.stringify(answers));
