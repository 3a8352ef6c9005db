import { request } from 'node:http';

/** An answer, read. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The JSON document, or `undefined`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what comes back is looked at field by field
  readonly body: any;
}

/** A request and the token that it presents. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly token?: { readonly secret: string; readonly transport: 'cookie' | 'bearer' } | undefined;
}

/** Behind this a client gives up; what it asked for may still happen. */
const PATIENCE_MS = 60_000;

/**
 * Sends one request on a connection of its own: one that was kept open could be closed by the server at the moment of
 * use, and then a lost answer would be nobody's fault.
 */
export function send(url: string, { method, path, body, token }: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(token?.transport === 'cookie' ? { Cookie: `session=${token.secret}` } : {}),
      ...(token?.transport === 'bearer' ? { Authorization: `Bearer ${token.secret}` } : {}),
    };
    const sent = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('close', () => {
        if (!response.complete) reject(new Error('The answer broke off'));
      });
      response.on('end', () => {
        const isJson = response.headers['content-type']?.includes('json') === true;
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: isJson && text !== '' ? JSON.parse(text) : undefined,
        });
      });
    });
    sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error('No answer')));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
