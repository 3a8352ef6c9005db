import { Agent, request } from 'node:http';
import type { SessionJson, SignInInput } from 'nestjs-identity-session';

/** The keys that answers of the module have; which ones depends on the route. */
export interface AnswerBody {
  readonly [key: string]: unknown;
  readonly id: string;
  readonly token: string;
  readonly evicted: string[];
  readonly userId: string;
  readonly sessionId: string;
  readonly items: SessionJson[];
  readonly nextCursor: string | null;
  readonly revoked: number;
  readonly code: string;
  readonly status: number | string;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case; repeated ones joined as Node does. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly setCookies: readonly string[];
  readonly text: string;
  /** The JSON body; `{}` where there is none. */
  readonly body: AnswerBody;
}

export interface Sending {
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type SignInRequest = SignInInput & { readonly transport?: 'cookie' | 'bearer' };

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/**
 * Sends one request whose path and headers go out exactly as given: unlike `fetch`, nothing is normalised. Rejects if
 * the connection breaks before the answer is complete.
 */
export function send(url: string, method: string, path: string, sending: Sending = {}): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const isText = typeof sending.body === 'string' || sending.body === undefined;
  const payload = isText ? sending.body : JSON.stringify(sending.body);
  const headers = {
    ...(payload === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    ...sending.headers,
  };
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = request({ agent, hostname, port, method, path, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { 'set-cookie': setCookies = [], ...rest } = incoming.headers;
        const isJson = rest['content-type']?.includes('json') === true && text !== '';
        resolve({
          status: incoming.statusCode ?? 0,
          headers: rest as Answer['headers'],
          setCookies,
          text,
          body: (isJson ? JSON.parse(text) : {}) as AnswerBody,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/** A browser or an application: keeps the cookie, or the bearer token, that it was given last. */
export class Client {
  /** As sent: `name=value`. */
  cookie: string | undefined;
  bearer: string | undefined;
  /** The public id of the session, as the sign-in told it. */
  sessionId = '';

  constructor(readonly url: string) {}

  /** What the client presents. */
  get token(): string {
    const token = this.bearer ?? this.cookie?.slice(this.cookie.indexOf('=') + 1);
    if (token === undefined || token === '') throw new Error('The client holds no token.');
    return token;
  }

  async signIn(input: SignInRequest): Promise<Answer> {
    const answer = await this.request('POST', '/sign-in', { body: input });
    if (answer.status !== 201) return answer;
    this.sessionId = answer.body.id;
    if (input.transport === 'bearer') this.bearer = answer.body.token;
    return answer;
  }

  /** Presents the same token to another node. */
  at(node: { readonly url: string }): Client {
    const other = new Client(node.url);
    other.cookie = this.cookie;
    other.bearer = this.bearer;
    other.sessionId = this.sessionId;
    return other;
  }

  me(): Promise<Answer> {
    return this.request('GET', '/me');
  }

  /** The status of a request with the client's session: 200 while it lives. */
  async alive(): Promise<number> {
    return (await this.me()).status;
  }

  get(path: string): Promise<Answer> {
    return this.request('GET', path);
  }

  del(path: string): Promise<Answer> {
    return this.request('DELETE', path);
  }

  patch(path: string, body: unknown): Promise<Answer> {
    return this.request('PATCH', path, { body });
  }

  post(path: string, body?: unknown): Promise<Answer> {
    return this.request('POST', path, { body });
  }

  async request(method: string, path: string, { body, headers }: Sending = {}): Promise<Answer> {
    const answer = await send(this.url, method, path, {
      body,
      headers: {
        ...(this.cookie === undefined ? {} : { cookie: this.cookie }),
        ...(this.bearer === undefined ? {} : { authorization: `Bearer ${this.bearer}` }),
        ...headers,
      },
    });
    for (const line of answer.setCookies) {
      const [pair = ''] = line.split(';', 1);
      this.cookie = pair.endsWith('=') ? undefined : pair;
    }
    return answer;
  }
}

/** How often a sign-in is sent again where the database was too busy to answer in time. */
const MORE_SIGN_INS = 10;

/** A new client that is signed in, in the end: a busy machine may let deadlines pass that tests have made short. */
export async function signedIn(node: { readonly url: string }, input: SignInRequest): Promise<Client> {
  const client = new Client(node.url);
  let answer = await client.signIn(input);
  for (let more = MORE_SIGN_INS; more > 0 && answer.status === 503; more -= 1) answer = await client.signIn(input);
  if (answer.status !== 201) throw new Error(`The sign-in was answered with ${answer.status}: ${answer.text}`);
  return client;
}

/** Presents a token as a bearer, and nothing else. */
export function presenting(node: { readonly url: string }, token: string): Client {
  const client = new Client(node.url);
  client.bearer = token;
  return client;
}
