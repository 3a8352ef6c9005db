import { type Agent, request } from 'node:http';
import type { FuzzRequest } from './fuzz-request.js';

export interface FuzzAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** What became of a request: an answer, or why there is none. */
export type Outcome = FuzzAnswer | 'aborted' | 'broken' | 'refused-by-client' | 'late';

const PATIENCE_MS = 30_000;

/** Sends one request. Never rejects. */
export function send(
  url: URL,
  agent: Agent,
  { method, path, headers, body, abortAfterMs }: FuzzRequest,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const given = { ...length, ...headers };
    let outgoing: ReturnType<typeof request>;
    try {
      outgoing = request(
        { agent, hostname: url.hostname, port: url.port, method, path, headers: given },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          incoming.on('error', () => {
            finish('broken');
          });
          incoming.on('end', () => {
            finish({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
          });
        },
      );
    } catch {
      // What Node's client does not let out.
      resolve('refused-by-client');
      return;
    }
    let isAborted = false;
    const abort = abortAfterMs === undefined ? undefined : setTimeout(giveUp, abortAfterMs);
    const patience = setTimeout(() => {
      finish('late');
      outgoing.destroy();
    }, PATIENCE_MS);
    outgoing.on('error', () => {
      finish(isAborted ? 'aborted' : 'broken');
    });
    outgoing.on('close', () => {
      finish(isAborted ? 'aborted' : 'broken');
    });
    outgoing.on('upgrade', () => {
      finish('broken');
    });
    outgoing.end(body);

    function giveUp(): void {
      isAborted = true;
      outgoing.destroy();
    }

    function finish(outcome: Outcome): void {
      clearTimeout(abort);
      clearTimeout(patience);
      resolve(outcome);
    }
  });
}
