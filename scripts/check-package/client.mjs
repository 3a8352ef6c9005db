import assert from 'node:assert/strict';

const ANSWER_LIMIT_MS = 30_000;

/** One request; gives status, headers and the body, parsed where it is JSON. */
export function clientOf(url) {
  return async (method, path, { cookie, bearer, body, origin } = {}) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(cookie === undefined ? {} : { cookie }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(origin === undefined ? {} : { origin }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
}

/** The session cookie that an answer sets, as a browser sends it back. */
export function sessionCookieOf({ headers }) {
  const cookies = headers.getSetCookie();
  assert.equal(cookies.length, 1);
  const [pair, ...attributes] = cookies[0].split('; ');
  assert.match(pair, /^__Host-session=ids_[\w.-]{40,}$/);
  assert.deepEqual(attributes.sort(), ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
  return pair;
}

/** RFC 9457, as the module's error filter writes it. */
export function assertProblem({ status, headers, body }, expectedStatus, expectedCode) {
  assert.deepEqual([status, body.status, body.code], [expectedStatus, expectedStatus, expectedCode]);
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json\b/);
  for (const field of ['type', 'title', 'detail']) assert.equal(typeof body[field], 'string', field);
}
