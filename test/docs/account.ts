// What docs/lifecycle.md shows of accounts; compiled with the tests.
import { Injectable } from '@nestjs/common';
import { AccountEvents, type Session } from 'nestjs-identity-session';
import { DataSource } from 'typeorm';

// #region account
@Injectable()
export class Passwords {
  constructor(
    private readonly dataSource: DataSource,
    private readonly events: AccountEvents,
  ) {}

  async change(session: Session, hash: string, request: object, response: object): Promise<void> {
    const { userId, tenantId } = session;
    await this.dataSource.transaction('READ COMMITTED', async (manager) => {
      await manager.query('UPDATE account SET password_hash = $1 WHERE id = $2', [hash, userId]);
      const exchange = { request, response, manager };
      await this.events.passwordChanged({ userId, tenantId, session, reauthenticated: true, ...exchange });
    });
  }
}
// #endregion
