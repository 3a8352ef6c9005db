import type { INestApplication, Type } from '@nestjs/common';
import { SessionIoAdapter, sessionSockets, type SessionSocketsOptions } from 'nestjs-identity-session/sockets';
import { startTestApp, type TestApp, type TestAppOptions } from '../../support/app.js';

export interface SocketAppOptions extends TestAppOptions {
  readonly sockets?: SessionSocketsOptions;
  readonly gateways?: readonly Type[];
}

/** As `startTestApp`, with gateways on `SessionIoAdapter`. */
export function startSocketApp({ sockets, gateways = [], ...given }: SocketAppOptions = {}): Promise<TestApp> {
  return startTestApp({
    ...given,
    extras: { ...given.extras, sockets: sessionSockets(sockets) },
    providers: [...(given.providers ?? []), ...gateways],
    configure: (app: INestApplication) => {
      app.useWebSocketAdapter(new SessionIoAdapter(app));
      given.configure?.(app);
    },
  });
}
