/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON body, or its text; `undefined` where there is none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look at all kinds of answers
  readonly body: any;
}

/** Speaks JSON to a server and keeps the session like a browser (cookies) or like an application (a bearer token). */
export class HttpClient {
  #cookie: string | undefined;
  #token: string | undefined;

  constructor(private readonly url: string) {}

  /** The raw token that it holds. */
  get token(): string {
    const held = this.#token ?? this.#cookie?.split('=')[1];
    if (held === undefined) throw new Error('The client has no session.');
    return held;
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  post(path: string, body?: object): Promise<Answer> {
    return this.send('POST', path, body);
  }

  patch(path: string, body: object): Promise<Answer> {
    return this.send('PATCH', path, body);
  }

  async send(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(this.#cookie === undefined ? {} : { Cookie: this.#cookie }),
        ...(this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    this.#keep(response.headers);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text || undefined };
  }

  /** Signs in and holds the session. */
  async signIn(email: string, password: string, more: object = {}): Promise<Answer> {
    const answer = await this.post('/auth/sign-in', { email, password, ...more });
    if (typeof answer.body?.token === 'string') this.#token = answer.body.token;
    return answer;
  }

  /** Another client with the same token, as a thief would have it. */
  copy(): HttpClient {
    return this.at(this.url);
  }

  /** The same client at another node. */
  at(url: string): HttpClient {
    const copy = new HttpClient(url);
    copy.#cookie = this.#cookie;
    copy.#token = this.#token;
    return copy;
  }

  #keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) this.#cookie = line.split(';', 1)[0];
    const token = headers.get('session-token');
    if (token !== null) this.#token = token;
  }
}
