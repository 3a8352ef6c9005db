// A socket.io client on bare TCP: as cheap as can be, so that the server has the work and ten thousand fit in a process.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const OPCODE = { text: 1, close: 8 };
/** An engine.io message is told from a ping by its first character; a socket.io packet by its second. */
const PING = '2';
const CONNECTED = '40';
const DISCONNECTED = '41';
const EVENT = '42';
const REFUSED = '44';

/** What all clients say: sessions are seeded with the same, else each connection would be recorded as a drift. */
export const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** The moment in milliseconds on a clock that all processes of a machine share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** A client's frame must be masked; by zeros is masked. */
function frameOf(opcode, text) {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), payload]);
}

const PONG = frameOf(OPCODE.text, '3');
const CLOSE = frameOf(OPCODE.close, '');

/** One connection of the main namespace. What happens to it is told once each, by `joined`, `told` and `closed`. */
export class RawClient {
  #socket;
  #unread = Buffer.alloc(0);
  #isOpen = false;
  #isClosed = false;
  #token;

  /** `on.joined()`, `on.event(name, body)`, `on.closed(why)`; `why` is the server's word where it refused. */
  constructor({ port, token }, on) {
    /** May be exchanged while it is connected. */
    this.on = on;
    this.#token = token;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('connect', () => {
      this.#socket.write(
        `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: ${USER_AGENT}\r\n` +
          `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
      );
    });
    this.#socket.on('data', (chunk) => {
      this.#read(chunk);
    });
    this.#socket.on('error', (error) => {
      this.#closed(error.code ?? error.message);
    });
    this.#socket.on('close', () => {
      this.#closed('ended');
    });
  }

  destroy() {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #closed(why) {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.on.closed(why);
  }

  #read(chunk) {
    let rest = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    if (!this.#isOpen) {
      const end = rest.indexOf('\r\n\r\n');
      if (end === -1) {
        this.#unread = rest;
        return;
      }
      const head = rest.toString('latin1', 0, end);
      if (!head.startsWith('HTTP/1.1 101 ')) {
        this.#closed(head.slice(0, head.indexOf('\r\n')));
        this.#socket.destroy();
        return;
      }
      this.#isOpen = true;
      rest = rest.subarray(end + 4);
    }
    while (rest.length >= 2) {
      const short = rest[1] & 0x7f;
      const head = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (rest.length < head) break;
      const length = short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short;
      if (rest.length < head + length) break;
      this.#received(rest[0] & 0x0f, rest.subarray(head, head + length));
      rest = rest.subarray(head + length);
    }
    // A copy, since what is left would keep the whole chunk.
    this.#unread = rest.length === 0 ? rest.subarray(0, 0) : Buffer.from(rest);
  }

  #received(opcode, payload) {
    if (opcode === OPCODE.close) {
      this.#closed('closed');
      this.#socket.end(CLOSE);
      return;
    }
    if (opcode !== OPCODE.text) return;
    const text = payload.toString();
    if (text === PING) this.#socket.write(PONG);
    else if (text.startsWith('0'))
      this.#socket.write(frameOf(OPCODE.text, CONNECTED + JSON.stringify({ token: this.#token })));
    else if (text.startsWith(CONNECTED)) this.on.joined();
    else if (text.startsWith(EVENT)) this.on.event?.(...JSON.parse(text.slice(2)));
    else if (text.startsWith(REFUSED)) {
      this.#closed(text.slice(2));
      this.#socket.end(CLOSE);
    } else if (text === DISCONNECTED) this.on.disconnected?.();
  }
}
