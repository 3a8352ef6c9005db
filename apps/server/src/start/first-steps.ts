import type { ServerConfig } from '../config/server-config.js';
import type { RunningServer } from './start-server.js';

/** What a person who has just started the server wants to know. */
export function firstSteps(server: RunningServer, config: ServerConfig): string {
  const { email, madeUpPassword } = server.administrator;
  const password = madeUpPassword ?? '<password>';
  return [
    `Listening on ${server.url} (${config.http.adapter}, node ${config.nodeName}, PostgreSQL: ${server.database})`,
    `Administrator: ${email}`,
    ...(config.administrator.password !== null && !server.administrator.isNew
      ? ['ADMIN_PASSWORD was not used: the account exists, and its password stays as it is.']
      : []),
    ...(madeUpPassword === null ? [] : [`Password: ${madeUpPassword} (made up now; it is not shown again)`]),
    `Documentation: ${server.url}/docs`,
    `Example: ${server.url}/example (my devices, live)`,
    'Try next:',
    ...tries(server.url, JSON.stringify({ email, password }), config.session.cookieSecure).map((line) => `  ${line}`),
    '',
  ].join('\n');
}

/** Over plain http curl keeps no secure cookie, so there the token goes by hand. */
function tries(url: string, credentials: string, secureCookie: boolean): string[] {
  if (secureCookie) {
    const body = credentials.replace(/}$/, ',"transport":"bearer"}');
    return [
      `curl -s -H 'Content-Type: application/json' -d '${body}' ${url}/auth/sign-in`,
      `curl -s -H 'Authorization: Bearer <token>' ${url}/me`,
      `curl -s -H 'Authorization: Bearer <token>' ${url}/sessions`,
    ];
  }
  return [
    `curl -s -c cookies.txt -H 'Content-Type: application/json' -d '${credentials}' ${url}/auth/sign-in`,
    `curl -s -b cookies.txt ${url}/me`,
    `curl -s -b cookies.txt ${url}/sessions`,
  ];
}
