// The chat program, as people and other programs use it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Guest, Heard, Person, shown, startRelay } from './programs.js';

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
before(async () => {
  relay = await startRelay();
});
after(async () => {
  await relay.stop();
});

class Chat {
  heard = new Heard();

  constructor(...args) {
    const program = fileURLToPath(new URL('../examples/chat.mjs', import.meta.url));
    this.process = spawn('node', [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.process.stdout }).on('line', (line) => this.heard.push(line));
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
  }

  says(line) {
    this.process.stdin.write(`${line}\n`);
  }

  sees(line) {
    return this.heard.next((one) => (line instanceof RegExp ? line.test(one) : one === line), String(line));
  }
}

test('it joins, talks, shows the codes and burns the room', async () => {
  const { link, host } = await Guest.host(relay.base, { whoMayBurn: 'anyone' });
  const cleo = await Person.join(link, { name: 'cleo' });
  await cleo.keyed(2);
  const ben = new Chat(link, 'ben');
  await Promise.all([ben.sees('* joined').then(() => ben.sees('* keyed')), host.keyed(3), cleo.keyed(3)]);
  await cleo.says('line one\nline two \u001b[31m');
  await ben.sees('cleo: line one\ufffdline two \ufffd[31m');
  ben.says('hello from the terminal');
  await cleo.reads('hello from the terminal');
  await ben.sees('* sent');
  const { short, number } = await shown.person(cleo);
  ben.says('/codes');
  await ben.sees(`* code ${short} ${number}`);
  cleo.room.leave();
  await ben.sees('* cleo left');
  ben.says('/burn');
  await ben.sees('* burned');
  assert.equal(await ben.ended, 0);
  await host.hears('ended', ({ reason }) => reason === 'burned');
});

test('it says when it is kicked, leaves at the end of input, and fails for what is no link', async () => {
  const { link, host } = await Guest.host(relay.base);
  const [ben, cleo] = [new Chat(link, 'ben'), new Chat(link, 'cleo')];
  await Promise.all([ben.sees('* joined'), cleo.sees('* joined'), host.keyed(3)]);
  host.room.kick(host.idOf('ben'));
  await ben.sees('* kicked');
  cleo.process.stdin.end();
  assert.deepEqual(await Promise.all([ben.ended, cleo.ended]), [0, 0]);
  await host.hears('participantLeft', ({ participant, reason }) => participant.name === 'cleo' && reason === 'left');
  host.room.burn();
  await host.hears('ended');
  const gone = new Chat(link);
  await gone.sees('* ended: room_not_found');
  const wrong = new Chat('https://relay.example/');
  await wrong.sees('* ended: link_not_a_link');
  assert.deepEqual(await Promise.all([gone.ended, wrong.ended]), [1, 1]);
});
