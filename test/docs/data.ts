// What docs/data.md shows; compiled with the tests.
import { Injectable } from '@nestjs/common';
import {
  IdentitySessionError,
  IdentitySessionModule,
  RequestSessions,
  type Session,
  SessionDataService,
  type SessionSubject,
} from 'nestjs-identity-session';
import { z } from 'zod';

// #region schema
const profile = z.object({
  theme: z.enum(['light', 'dark']).default('light'),
  role: z.string().optional(),
  cart: z.array(z.string()).default([]),
});
export type Profile = z.infer<typeof profile>;

export const withData = IdentitySessionModule.forRoot({ data: { schema: profile } });
// #endregion

// #region change
@Injectable()
export class ProfileService {
  constructor(private readonly data: SessionDataService) {}

  themeOf(session: Session<Profile>): string {
    return this.data.get(session).theme; // from memory: no promise, no copy
  }

  async darken(session: Session<Profile>): Promise<Session<Profile>> {
    return this.data.merge(session, { theme: 'dark', role: null }); // null removes
  }

  async addToCart(session: Session<Profile>, item: string): Promise<Session<Profile>> {
    // The new list is made of what was read, so it must still be that.
    const cart = [...session.data.cart, item];
    return this.data.merge(session, { cart }, { ifVersion: session.dataVersion });
  }

  async promote(user: SessionSubject, role: string): Promise<number> {
    return this.data.setUserData(user, { role }, { reason: 'role_changed', by: 'directory' });
  }
}
// #endregion

// #region restore
export async function preview(data: SessionDataService, session: Session<Profile>): Promise<void> {
  const before = data.snapshot(session);
  const shown = await data.merge(session, { theme: 'dark' });
  try {
    await data.restore(before, { ifVersion: shown.dataVersion });
  } catch (error) {
    // Somebody has changed it since: theirs stays.
    if (!(error instanceof IdentitySessionError && error.code === 'SESSION_DATA_CONFLICT')) throw error;
  }
}
// #endregion

// #region request
export const collecting = IdentitySessionModule.forRoot({ perRequest: true });

@Injectable()
export class DevicesService {
  constructor(private readonly requests: RequestSessions) {}

  async namesOf(sessionIds: string[]): Promise<(string | null)[]> {
    const sessions = await this.requests.many(sessionIds);
    this.requests.values.set('shown', sessions.length); // for whoever logs the request
    return sessions.map((session) => session?.deviceName ?? null);
  }
}
// #endregion
