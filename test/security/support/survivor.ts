import { expect } from '@jest/globals';
import type { TestApp } from '../../support/app.js';
import { type Answer, type Client, signedIn } from './client.js';
import { sql } from './rows.js';
import { flushTouches } from './time.js';

/** A good session that lives through attacks on others, and what the database holds meanwhile. */
export class Survivor {
  #before: unknown;

  private constructor(
    private readonly node: TestApp,
    readonly client: Client,
  ) {}

  static async on(node: TestApp): Promise<Survivor> {
    const survivor = new Survivor(node, await signedIn(node, { userId: 'survivor' }));
    await survivor.look();
    return survivor;
  }

  /** Remembers the database as it is now. */
  async look(): Promise<void> {
    this.#before = await this.#sessions();
  }

  /** The next request is fine, no session has come, gone or changed, and nothing is left waiting. */
  async isFine(): Promise<void> {
    expect(await this.client.alive()).toBe(200);
    const { body }: Answer = await this.client.get('/sessions');
    expect(body.items.map(({ id }) => id)).toEqual([this.client.sessionId]);
    expect(await this.#sessions()).toEqual(this.#before);
  }

  async #sessions(): Promise<unknown> {
    await flushTouches(this.node);
    return sql(this.node, 'SELECT id, version, status, device_name FROM identity_session ORDER BY id');
  }
}
