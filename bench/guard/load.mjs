// Sends requests over keep-alive connections, one after the other on each: as cheap as can be, so that the server has
// the work. Every answer is checked.
import { connect } from 'node:net';
import { answerWith } from './child.mjs';
import { COOKIE_NAME } from './variants.mjs';

const OK = 'HTTP/1.1 200 ';
const BODY = '{"ok":true}';
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

const CREDENTIALS = {
  cookie: (token) => `Cookie: theme=dark; ${COOKIE_NAME}=${token}`,
  bearer: (token) => `Authorization: Bearer ${token}`,
};

function requestOf(path, credential) {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Accept: application/json',
    'User-Agent: bench',
    credential,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Whether `answer` is whole. Throws unless it is what the route gives. */
function isWhole(answer) {
  const head = answer.indexOf('\r\n\r\n');
  if (head === -1) return false;
  if (!answer.startsWith(OK)) throw new Error(`The server answered:\n${answer}`);
  const length = head + 4 + Number(CONTENT_LENGTH.exec(answer)?.[1]);
  if (answer.length < length) return false;
  if (answer.length !== length || !answer.endsWith(BODY)) throw new Error(`The server answered:\n${answer}`);
  return true;
}

/** A connection that sends whatever `next` gives, each when the answer to the one before is there. */
class Connection {
  #socket;
  #answer = '';
  #next = () => undefined;
  #round;

  constructor(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk) => {
      this.#receive(chunk);
    });
    this.#socket.on('error', (error) => this.#round?.reject(error));
    this.#socket.on('close', () => this.#round?.reject(new Error('The server closed a connection')));
  }

  /** Until `next` gives nothing; resolves with how many were answered. */
  run(next) {
    return new Promise((resolve, reject) => {
      this.#round = { resolve, reject, answered: 0 };
      this.#next = next;
      this.#send();
    });
  }

  #send() {
    const request = this.#next();
    if (request !== undefined) this.#socket.write(request);
    else this.#round.resolve(this.#round.answered);
  }

  #receive(chunk) {
    this.#answer += chunk;
    try {
      if (!isWhole(this.#answer)) return;
    } catch (error) {
      this.#round.reject(error);
      return;
    }
    this.#answer = '';
    this.#round.answered += 1;
    this.#send();
  }
}

let tokens = [];
let connections = [];
/** Ready requests for all sessions, by path and credential. */
const prepared = new Map();
let turn = 0;

function requestsOf(path, credential) {
  const key = `${path} ${credential}`;
  let requests = prepared.get(key);
  if (requests === undefined) {
    requests = tokens.map((token) => requestOf(path, CREDENTIALS[credential](token)));
    prepared.set(key, requests);
  }
  return requests;
}

answerWith({
  open(given) {
    tokens = given.tokens;
    connections = Array.from({ length: given.connections }, () => new Connection(given.port));
  },

  /** The sessions in turn, over all connections, for `durationMs`; gives the number of answered requests. */
  async round({ path, credential, durationMs }) {
    const requests = requestsOf(path, credential);
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, durationMs);
    const next = () => (isOver ? undefined : requests[turn++ % requests.length]);
    const answered = await Promise.all(connections.map((connection) => connection.run(next)));
    return answered.reduce((sum, one) => sum + one, 0);
  },
});
