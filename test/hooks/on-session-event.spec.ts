import { Injectable, type LoggerService, Scope } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  OnSessionEvent,
  SessionAdminService,
  type SessionChangeEvent,
  type SessionEvent,
  SessionService,
} from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from './support/until.js';

@Injectable()
class Ends {
  readonly revoked: SessionChangeEvent[] = [];
  readonly some: string[] = [];
  readonly all: SessionEvent[] = [];
  failures = 0;

  @OnSessionEvent('revoked')
  onRevoked(event: SessionChangeEvent): void {
    this.revoked.push(event);
  }

  @OnSessionEvent('signed_out', 'renamed')
  @OnSessionEvent('renamed')
  onSome({ type }: SessionChangeEvent): void {
    this.some.push(type);
  }

  @OnSessionEvent()
  onAny(event: SessionEvent): void {
    this.all.push(event);
  }

  @OnSessionEvent('created')
  async onCreated(): Promise<void> {
    this.failures += 1;
    await Promise.reject(new Error('A listener that cannot.'));
  }

  get notAMethod(): never {
    throw new Error('Nobody asks accessors.');
  }
}

/** Inherited methods listen too; another name for the same instance is no second listener. */
@Injectable()
class MoreEnds extends Ends {}

@Injectable({ scope: Scope.REQUEST })
class OfRequests {
  @OnSessionEvent('revoked')
  onRevoked(): void {}
}

@Injectable({ scope: Scope.TRANSIENT })
class OfOthers {
  @OnSessionEvent('revoked')
  onRevoked(): void {}
}

describe('methods with @OnSessionEvent', () => {
  let app: TestApp;
  let logged: string[];

  beforeAll(async () => {
    logged = [];
    const keep = (text: unknown): void => {
      logged.push(String(text));
    };
    const logger: LoggerService = { log: () => undefined, warn: () => undefined, error: keep };
    app = await startTestApp({ logger, providers: [MoreEnds, { provide: 'ends', useExisting: MoreEnds }] });
  });

  afterAll(() => app.close());

  it('are called for the types that they name, once for each event, and whatever another throws', async () => {
    const sessions = app.app.get(SessionService);
    const { session } = await sessions.signIn({ userId: 'ann' });
    await sessions.name(session, session.id, 'Desk');
    await app.app.get(SessionAdminService).revoke(session.id, { reason: 'lost', by: 'root' });
    const ends = app.app.get(MoreEnds);
    await until('all are told', () => ends.all.length === 3);
    expect(ends.all.map(({ type }) => type)).toEqual(['created', 'renamed', 'revoked']);
    expect(ends.some).toEqual(['renamed']);
    expect(ends.revoked).toMatchObject([{ sessionId: session.id, userId: 'ann', reason: 'lost', actor: 'root' }]);
    expect(ends.failures).toBe(1);
    expect(logged.filter((line) => line.includes('A listener that cannot.'))).toHaveLength(1);
  });

  it.each([OfRequests, OfOthers])('have the start refused on providers that do not last: %p', async (provider) => {
    const start = startTestApp({ joins: app, providers: [provider], logger: { log() {}, warn() {}, error() {} } });
    await expect(start).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining(`${provider.name} has a method with @OnSessionEvent`),
    });
  });
});
