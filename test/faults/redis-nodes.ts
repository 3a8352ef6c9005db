import { type IdentitySessionOptions, SessionAdminService, SessionMetrics } from 'nestjs-identity-session';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually, followsLog, forget } from '../security/support/time.js';
import { Stopwatch } from '../support/stopwatch.js';

export interface SignedIn {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
}

/** Two nodes on one database and one Redis, and what clients do there. */
export class RedisNodes {
  /** What the slowest request took since this was last set to 0, in milliseconds. */
  slowestMs = 0;

  private constructor(
    readonly a: TestApp,
    readonly b: TestApp,
  ) {}

  static async start(options: IdentitySessionOptions): Promise<RedisNodes> {
    const a = await startTestApp({ options });
    const b = await startTestApp({ options, joins: a });
    await Promise.all([followsLog(a), followsLog(b)]);
    return new RedisNodes(a, b);
  }

  async close(): Promise<void> {
    await this.b.close();
    await this.a.close();
  }

  async signIn(userId: string, node = this.a): Promise<SignedIn> {
    const answer = await this.#timed(() =>
      fetch(`${node.url}/sign-in`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ userId, transport: 'bearer' }),
      }),
    );
    return { ...((await answer.json()) as { id: string; token: string }), userId };
  }

  /** The status, and whom the answer is for. */
  async me(node: TestApp, { token }: SignedIn): Promise<readonly [status: number, userId: string | undefined]> {
    const answer = await this.#timed(() => fetch(`${node.url}/me`, { headers: { Authorization: `Bearer ${token}` } }));
    return [answer.status, ((await answer.json()) as { userId?: string }).userId];
  }

  /** Revokes on the first node; resolves to how long the second still admitted, in milliseconds. */
  async revokeAndWatch(victim: SignedIn): Promise<number> {
    if ((await this.me(this.b, victim))[0] !== 200) throw new Error('The second node does not know the session.');
    await this.a.app.get(SessionAdminService, { strict: false }).revoke(victim.id, { reason: 'test', by: null });
    const sinceRevoked = new Stopwatch();
    let admittedUntil = 0;
    for (;;) {
      const askedAt = sinceRevoked.ms();
      if ((await this.me(this.b, victim))[0] === 401) {
        sinceRevoked.stop();
        return admittedUntil;
      }
      admittedUntil = askedAt;
    }
  }

  /** Both nodes forget what they know, so that everything has to come from somewhere. */
  startCold(): void {
    for (const node of [this.a, this.b]) forget(node);
  }

  metric(node: TestApp, name: string, labels: Readonly<Record<string, string>> = {}): number {
    const samples = node.app.get(SessionMetrics, { strict: false }).collect();
    const found = samples.find(
      (sample) =>
        sample.name === `identity_session_${name}` &&
        Object.entries(labels).every(([label, value]) => sample.labels?.[label] === value),
    );
    if (found === undefined) throw new Error(`There is no ${name}.`);
    return found.value;
  }

  async hintsArrive(): Promise<void> {
    await eventually(() => [this.a, this.b].every((node) => this.metric(node, 'hints_arrive') === 1));
  }

  async #timed(request: () => Promise<Response>): Promise<Response> {
    const watch = new Stopwatch();
    const answer = await request();
    this.slowestMs = Math.max(this.slowestMs, watch.stop());
    return answer;
  }
}
