import { io, type Socket } from 'socket.io-client';
import { runNow } from '../clock.js';
import type { ClusterNode } from '../cluster/node.js';
import type { History, Operation } from '../history.js';
import type { SocketHistory, SocketRecord } from '../socket-history.js';
import type { HeldToken, Person } from './people.js';

/** Behind this a client gives up. */
const PATIENCE_MS = 60_000;
const ANSWER_WITHIN_MS = 10_000;

/** Who gets a message of the workload is told whom it was meant for. */
export function textFor(user: string): string {
  return `for ${user}`;
}

/** A connection that a node has let in. */
export class OpenSocket {
  constructor(
    private readonly socket: Socket,
    readonly record: SocketRecord,
    /** Resolves once it is closed, by whomever. */
    readonly closed: Promise<void>,
  ) {}

  /** Asks the application something; what comes back, or does not, is recorded. */
  ask(): void {
    const { socket, record } = this;
    const begun = runNow();
    socket.timeout(ANSWER_WITHIN_MS).emit('presence', null, (error: Error | null) => {
      if (error !== null) return;
      record.received += 1;
      record.lastAnsweredAsk = Math.max(record.lastAnsweredAsk ?? begun, begun);
    });
  }

  close(): void {
    this.socket.close();
  }
}

/** Opens connections, each of them once, and records what happens to them. */
export class SocketClient {
  constructor(
    private readonly history: History,
    private readonly sockets: SocketHistory,
  ) {}

  /** `undefined` where it was refused, or nothing came of it. */
  open(node: Pick<ClusterNode, 'name' | 'url'>, person: Person, token: HeldToken): Promise<OpenSocket | undefined> {
    const begun = runNow();
    const socket = io(node.url, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      timeout: PATIENCE_MS,
      ...(token.transport === 'bearer'
        ? { auth: { token: token.secret } }
        : { extraHeaders: { Cookie: `session=${token.secret}` } }),
    });
    const done = (outcome: Operation['outcome']): Operation =>
      this.history.append({
        kind: 'connect',
        node: node.name,
        begun,
        ended: runNow(),
        user: person.id,
        token: { session: token.session, generation: token.generation },
        target: {},
        final: false,
        outcome,
      });
    return new Promise((resolve) => {
      // A transport that closes before the server has said a word is no error to the client, which would wait for its own
      // patience to end.
      const { engine } = socket.io;
      const onClose = (why: string): void => {
        fail({ kind: 'lost', why });
      };
      const fail = (outcome: Operation['outcome']): void => {
        clearTimeout(timer);
        engine.off('close', onClose);
        socket.off();
        socket.close();
        done(outcome);
        if (outcome.kind === 'answered' && outcome.status === 401) person.release(token.session);
        resolve(undefined);
      };
      const timer = setTimeout(() => {
        fail({ kind: 'lost', why: 'No answer' });
      }, PATIENCE_MS);
      socket.once('connect_error', (error: Error & { data?: { status?: number; code?: string } }) => {
        const { status, code = null } = error.data ?? {};
        fail(status === undefined ? { kind: 'lost', why: String(error) } : { kind: 'answered', status, code });
      });
      engine.once('close', onClose);
      // From then on the client tells of it, and closes by itself where it is refused.
      engine.once('open', () => engine.off('close', onClose));
      socket.once('disconnect', onClose);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off();
        const { id, ended } = done({ kind: 'answered', status: 200, code: null });
        const { session, generation } = token;
        const joined = { id, node: node.name, user: person.id, token: { session, generation }, joined: ended };
        resolve(this.#joined(socket, person, this.sockets.append(joined)));
      });
    });
  }

  #joined(socket: Socket, person: Person, record: SocketRecord): OpenSocket {
    socket.on('session:revoked', (told: { sessionId: string; code: string; reason: string }) => {
      const { sessionId: session, code, reason } = told;
      record.kick ??= { at: runNow(), session, code, reason };
      person.release(record.token.session);
    });
    for (const name of ['message', 'presence']) {
      socket.on(name, (data: { text?: string }) => {
        record.received += 1;
        record.lastReceived = { name, at: runNow() };
        if (name === 'message' && data.text !== textFor(person.id)) record.strayed ??= data.text ?? 'nobody';
      });
    }
    const closed = new Promise<void>((resolve) => {
      socket.once('disconnect', (why) => {
        record.closed = { at: runNow(), why, byClient: why === 'io client disconnect' };
        // What a namespace was left with must not keep the transport open.
        socket.close();
        resolve();
      });
    });
    return new OpenSocket(socket, record, closed);
  }
}
