import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ChangeLogConnection, LoggedChange, LogRead } from './change-log.js';
import { Tail } from './tail.js';

const change = (sessionId: string, version = 2): LoggedChange => ({ type: 'revoked', sessionId, version });

/** A log in memory whose answers come when they are let through, and a node that follows it. */
class Trial {
  monotonic = 0;
  wall = 1_000_000;
  log: LoggedChange[] = [];
  serverStartedAt = 'once';
  nextTransaction = 100n;
  connections = 0;
  isAway = false;
  isHeld = false;
  readonly events: string[] = [];
  readonly restarts: string[] = [];
  readonly #held: (() => void)[] = [];
  #timers: { at: number; task: () => void }[] = [];

  readonly tail = new Tail(
    { tailIntervalMs: 1_000, maxStalenessMs: 5_000, logHorizonMs: 3_600_000 },
    {
      clocks: { monotonic: () => this.monotonic, wall: () => this.wall },
      connect: () => {
        if (this.isAway) return Promise.reject(new Error('away'));
        this.connections += 1;
        return Promise.resolve(this.#connection());
      },
      apply: (changes) => this.events.push(...changes.map((logged) => logged.sessionId!)),
      restart: (_cutOffs, reason) => {
        this.events.push('restart');
        this.restarts.push(reason);
      },
      onAnswer: () => undefined,
      onFailure: () => this.events.push('failure'),
      schedule: (task, delayMs) => {
        const timer = { at: this.monotonic + delayMs, task };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
      yieldTurn: () => Promise.resolve(),
      random: () => 1,
    },
  );

  get holds(): boolean {
    return this.tail.holds(this.monotonic, this.wall);
  }

  async start(): Promise<void> {
    void this.tail.start();
    await this.settled();
  }

  async pass(ms: number): Promise<void> {
    const until = this.monotonic + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.wall += Math.max(0, next.at - this.monotonic);
      this.monotonic = Math.max(next.at, this.monotonic);
      next.task();
      await this.settled();
    }
    this.wall += until - this.monotonic;
    this.monotonic = until;
  }

  async letThrough(): Promise<void> {
    for (const release of this.#held.splice(0)) release();
    await this.settled();
  }

  async settled(): Promise<void> {
    for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
  }

  #connection(): ChangeLogConnection {
    const answer = async (changes: LoggedChange[]): Promise<LogRead> => {
      const { serverStartedAt, nextTransaction } = this;
      const position = String(this.log.length);
      if (this.isHeld) await new Promise<void>((resolve) => this.#held.push(resolve));
      if (this.isAway) throw new Error('away');
      return { changes, position, nextTransaction, serverStartedAt, now: this.wall, asOf: this.wall };
    };
    return {
      open: async () => ({ ...(await answer([])), cutOffs: [] }),
      readSince: (position) => answer(this.log.slice(Number(position))),
      close: () => Promise.resolve(),
    };
  }
}

let trial: Trial;
beforeEach(() => {
  trial = new Trial();
});

describe('the tail of the change log', () => {
  it('begins with an empty memory, and applies what comes after', async () => {
    trial.log.push(change('before'));
    await trial.start();
    trial.log.push(change('a'));
    await trial.pass(1_000);
    expect(trial.events).toEqual(['restart', 'a']);
  });

  it('reads at once when a hint comes, and once more for hints that come during the read', async () => {
    await trial.start();
    trial.isHeld = true;
    trial.log.push(change('a'));
    trial.tail.wake();
    await trial.settled();
    trial.log.push(change('b'));
    for (let n = 0; n < 100; n += 1) trial.tail.wake();
    await trial.letThrough();
    expect(trial.events).toEqual(['restart', 'a']);
    await trial.letThrough();
    expect(trial.events).toEqual(['restart', 'a', 'b']);
  });

  it('is trusted for the lease, counted from when the read began', async () => {
    await trial.start();
    expect(trial.holds).toBe(true);
    trial.isHeld = true;
    await trial.pass(4_999);
    expect(trial.holds).toBe(true);
    await trial.pass(1);
    expect(trial.holds).toBe(false);
    await trial.letThrough();
    expect(trial.holds).toBe(true);
  });

  it('is not trusted after a sleep in which the monotonic clock stood still', async () => {
    await trial.start();
    trial.wall += 30_000;
    expect(trial.holds).toBe(false);
  });

  it('is not trusted before everything that a read found is applied', async () => {
    await trial.start();
    trial.isHeld = true;
    await trial.pass(6_000);
    for (let n = 0; n < 2_000; n += 1) trial.log.push(change(`s${n}`));
    await trial.letThrough();
    trial.isHeld = false;
    trial.tail.wake();
    await trial.settled();
    expect(trial.events).toHaveLength(2_001);
    expect(trial.holds).toBe(true);
  });

  it('starts anew after a lost connection, since a crash may have used transaction ids twice', async () => {
    await trial.start();
    trial.isAway = true;
    await trial.pass(1_000);
    trial.isAway = false;
    trial.log.push(change('in between'));
    await trial.pass(1_000);
    expect(trial.events.filter((event) => event !== 'failure')).toEqual(['restart', 'restart']);
    expect(trial.restarts).toEqual(['started', 'connection-lost']);
    expect(trial.connections).toBe(2);
  });

  it('starts anew when the server was started anew', async () => {
    await trial.start();
    trial.serverStartedAt = 'twice';
    await trial.pass(1_000);
    expect(trial.events).toEqual(['restart', 'restart']);
    expect(trial.restarts).toEqual(['started', 'server-restarted']);
  });

  it('names the server that its position is of', async () => {
    expect(trial.tail.server).toBe('');
    await trial.start();
    expect(trial.tail.server).toBe('once');
    trial.serverStartedAt = 'twice';
    await trial.pass(1_000);
    expect(trial.tail.server).toBe('twice');
  });

  it('starts anew when transaction ids went back', async () => {
    await trial.start();
    trial.nextTransaction = 50n;
    await trial.pass(1_000);
    expect(trial.events).toEqual(['restart', 'restart']);
    expect(trial.restarts).toEqual(['started', 'server-restarted']);
  });

  it('starts anew when it has not read for longer than the log remembers', async () => {
    await trial.start();
    trial.wall += 3_700_000;
    await trial.pass(1_000);
    expect(trial.events).toEqual(['restart', 'restart']);
    expect(trial.restarts).toEqual(['started', 'log-horizon']);
  });

  it('tries again with growing delays that hints do not shorten', async () => {
    trial.isAway = true;
    await trial.start();
    for (let n = 0; n < 50; n += 1) trial.tail.wake();
    await trial.settled();
    expect(trial.events).toEqual(['failure']);
    await trial.pass(60_000);
    expect(trial.events.length).toBeGreaterThan(25);
    expect(trial.events.length).toBeLessThan(40);
    expect(trial.holds).toBe(false);
    trial.isAway = false;
    await trial.pass(2_000);
    expect(trial.holds).toBe(true);
  });

  it('says that it started, and not that something was lost, however late the first position comes', async () => {
    trial.isAway = true;
    await trial.start();
    await trial.pass(10_000);
    trial.isAway = false;
    await trial.pass(2_000);
    expect(trial.restarts).toEqual(['started']);
  });

  it('counts what it does, and how old its lease is, also while reads fail', async () => {
    await trial.start();
    trial.log.push(change('a'), change('b'));
    await trial.pass(1_000);
    expect(trial.tail.counts).toEqual({ reads: 2, failures: 0, restarts: 1, changes: 2 });
    trial.isAway = true;
    await trial.pass(60_000);
    expect(trial.tail.counts.failures).toBeGreaterThan(10);
    expect(trial.tail.leaseAgeMs()).toBe(60_000);
    trial.wall += 5_000;
    expect(trial.tail.leaseAgeMs()).toBe(65_000);
  });

  it('trusts nothing any more once it is stopped', async () => {
    await trial.start();
    await trial.tail.stop();
    expect(trial.holds).toBe(false);
    await trial.pass(10_000);
    expect(trial.events).toEqual(['restart']);
  });
});
