import type { FuzzAnswer } from './send.js';
import type { FuzzRequest } from './fuzz-request.js';
import type { Held } from './people.js';

const TOKEN = /ids_[\w~.-]{20,}/;
/** Answers that may carry a token: to whoever has just proved who they are. */
const GIVES_TOKEN = /^\/+auth\/+(?:sign-in|password)/i;

/** What is wrong with an answer, if anything is. */
export function judge(request: FuzzRequest, answer: FuzzAnswer): string | undefined {
  if (answer.status >= 500) return `${answer.status}: ${answer.text.slice(0, 300)}`;
  const body = jsonOf(answer);
  if (answer.status >= 400 && body !== undefined && body['status'] !== answer.status) {
    return `a problem whose status is ${String(body['status'])} in an answer ${answer.status}`;
  }
  if (TOKEN.test(answer.text) && !GIVES_TOKEN.test(request.path)) return 'a token in an answer';
  if (answer.status !== 200 || body === undefined) return undefined;
  return misidentified(request.path.split('?', 1)[0] ?? '', body, request.presented);
}

/** Whether an answer is about somebody that the request has presented no token of. */
function misidentified(path: string, body: Record<string, unknown>, presented: readonly Held[]): string | undefined {
  const isOf = (userId: unknown, sessionId?: unknown): boolean =>
    presented.some((held) => held.userId === userId && (sessionId === undefined || held.sessionId === sessionId));
  if (/^\/me\/?$/i.test(path) && !isOf(body['userId'], body['sessionId'])) {
    return `/me of ${String(body['userId'])} to ${names(presented)}`;
  }
  if (/^\/sessions\/current$/i.test(path) && !isOf(body['userId'], body['id'])) {
    return `/sessions/current of ${String(body['userId'])} to ${names(presented)}`;
  }
  if (/^\/sessions$/i.test(path) && Array.isArray(body['items'])) {
    const strangers = (body['items'] as { userId: string }[]).filter(({ userId }) => !isOf(userId));
    if (strangers.length > 0) return `sessions of ${strangers[0]?.userId ?? ''} in the list of ${names(presented)}`;
  }
  return undefined;
}

function names(presented: readonly Held[]): string {
  return presented.length === 0
    ? 'nobody'
    : presented.map(({ userId, sessionId }) => `${userId}/${sessionId}`).join(', ');
}

export function jsonOf({ headers, text }: FuzzAnswer): Record<string, unknown> | undefined {
  if (!String(headers['content-type']).includes('json') || text === '') return undefined;
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
