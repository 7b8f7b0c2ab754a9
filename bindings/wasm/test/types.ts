// A program in TypeScript, compiled with --strict and never run: every name of the package has the type it says.

import { Client, checkName, codeMeaning, codeName, load, planRoom, readLink, readProblem, readRoomCreated } from '../js/index.js';
import { createRoom, joinRoom, type Room, type RoomEvent } from '../js/room.js';
import type { BurnchatError, Fault, JoinOptions, Output, Participant, ReadMessage, RoomPlan, Status, Verification } from '../js/index.js';

/** Every event is told apart by its tag, and none is forgotten. */
function told(event: RoomEvent): string | number | boolean | null {
  switch (event.type) {
    case 'joined':
      return event.role === 'creator' ? event.id : '';
    case 'keyed':
      return event.version;
    case 'participantJoined':
      return event.participant.label;
    case 'participantLeft':
      return event.reason === 'replaced' ? event.participant.name : event.participant.tag;
    case 'message':
      return event.history ? event.sentAtMs : event.text;
    case 'accepted':
      return event.id;
    case 'unsent':
    case 'unknown':
      return event.text;
    case 'read':
      return event.by + event.author + event.id;
    case 'typing':
      return event.typing;
    case 'messageBurned':
      return event.author;
    case 'unreadable':
      return event.reason;
    case 'missed':
      return event.count;
    case 'countdown':
    case 'extended':
      return event.secondsRemaining;
    case 'locked':
      return event.locked;
    case 'historyRead':
      return event.complete;
    case 'rejoining':
      return event.code;
    case 'fault':
      return event.about;
    case 'refused':
      return event.retryAfterMs;
    case 'ended':
      return event.reason === 'refused' ? event.attemptsLeft : event.reason === 'failed' ? event.codeName : event.reason;
    case 'rekeyStalled':
    case 'verificationChanged':
    case 'linkChanged':
    case 'linkExpired':
    case 'reconnecting':
    case 'resumed':
    case 'other':
      return event.type;
    default:
      return event satisfies never;
  }
}

/** A run loop of one's own. */
export async function drive(link: string, now: number, send: (frame: string) => void): Promise<Status> {
  await load();
  const { base, roomId, notAfterMs } = readLink(link);
  const options: JoinOptions = { name: checkName('Ana'), seed: new Uint8Array(32) };
  const client = new Client(link, options);
  const fault: Fault | undefined = client.handleConnected(now) ?? client.handleFrame(now, base + roomId + notAfterMs);
  if (fault !== undefined) console.error(fault.code, codeMeaning(fault.code), codeName(fault.code) === fault.codeName);
  for (let output: Output | undefined; (output = client.pollOutput()) !== undefined; ) {
    if (output.type === 'send') send(output.frame);
    else if (output.type === 'close') console.log(output.code);
    else if (output.type === 'event') console.log(told(output.event));
  }
  const due: number = client.pollTimeout() ?? Infinity;
  const people: Participant[] = client.participants();
  const codes: Verification | undefined = client.verification();
  const read: ReadMessage[] = people.map(({ id }) => ({ author: id, id: codes?.emoji[0].symbol ?? '' }));
  client.markRead(due, read);
  const id: string = client.sendText(now, 'hello', 0);
  client.kick(now, id);
  client.lock(now, client.room()?.locked !== true);
  client.renew(now);
  client.extend(now, client.epoch()?.version ?? 1);
  client.setTyping(now, client.linkIsCurrent());
  const token: Uint8Array | undefined = client.seatToken();
  if (token === undefined) client.burn(now);
  client.handleTimeout(client.endsAt() ?? now);
  client.handleDisconnected(now);
  client.leave(now);
  const status = client.status();
  client.free();
  return status;
}

/** The driver that comes with the package. */
export async function chat(base: string): Promise<Room> {
  const plan: RoomPlan = planRoom(base, undefined, Date.now());
  console.log(readRoomCreated('{}', plan.link).pin, readProblem('{}')?.status);
  try {
    const { link, creatorToken } = await createRoom(base, { ttlSeconds: 600, whoMayBurn: 'anyone' });
    return await joinRoom(link, { creatorToken }, (event) => console.log(told(event)));
  } catch (error) {
    const { code, codeName: name } = error as BurnchatError;
    // @ts-expect-error a code is a number
    const wrong: string = code;
    throw new Error(`${wrong} ${name}`);
  }
}
