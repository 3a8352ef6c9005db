import { expect } from '@jest/globals';
import { ERROR_CATALOGUE, type ErrorCode, PROBLEM_MEDIA_TYPE } from 'nestjs-identity-session';
import type { Answer } from './client.js';

/** The answer is the documented problem of this code, in body and headers, and carries no more keys than that. */
export function expectProblem(answer: Answer, code: ErrorCode, moreKeys: readonly string[] = []): void {
  const [status, title] = ERROR_CATALOGUE[code];
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  expect(answer.body).toMatchObject({
    type: `urn:identity-session:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: expect.any(String),
  });
  const keys = ['type', 'title', 'status', 'detail', 'code', ...moreKeys];
  expect(Object.keys(answer.body).toSorted()).toEqual(keys.toSorted());
  expect(answer.headers['content-type']).toContain(PROBLEM_MEDIA_TYPE);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer realm="session"' : undefined);
}

/** Refused on purpose: a status of the client's making, and not one that asks for a proxy or a time-out. */
export function expectRefused(answer: Pick<Answer, 'status'>): void {
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
}
