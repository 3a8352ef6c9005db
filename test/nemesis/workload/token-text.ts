import type { HttpAnswer } from './http.js';
import type { Transport } from './people.js';

/** The session that a token says that it belongs to: `ids_<id>.<generation>.<secret>`. */
export function sessionOf(secret: string): string {
  return secret.slice('ids_'.length).split('.')[0] ?? '';
}

/** How many tokens the session had before this one. */
export function generationOf(secret: string): number {
  return Number(secret.split('.')[1]);
}

/** The token that an answer sets as a cookie, or brings in the header of those who have none. */
export function issuedIn({ headers }: HttpAnswer, transport: Transport): string | undefined {
  if (transport === 'bearer') return [headers['session-token']].flat()[0];
  const lines = [headers['set-cookie'] ?? []].flat();
  // The last one counts: a token may be rotated and then replaced within one request.
  return lines.map((line) => /^session=([^;]+)/.exec(line)?.[1]).findLast((value) => value !== undefined);
}
