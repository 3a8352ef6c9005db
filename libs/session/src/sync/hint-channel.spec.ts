import { beforeEach, describe, expect, it } from '@jest/globals';
import { HintChannel } from './hint-channel.js';
import type { HintListener, HintTransport } from './hints.js';
import { InProcessHints } from './in-process-hints.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A wire on which messages wait until they are delivered. */
class Wire implements HintTransport {
  readonly sent: string[] = [];
  listener: HintListener | undefined;
  isBroken = false;

  send(text: string): Promise<void> {
    if (this.isBroken) return Promise.reject(new Error('broken'));
    this.sent.push(text);
    return Promise.resolve();
  }

  open(listener: HintListener): void {
    this.listener = listener;
  }

  close(): Promise<void> {
    this.listener = undefined;
    return Promise.resolve();
  }

  deliver(): void {
    for (const text of this.sent.splice(0)) this.listener?.onMessage(text);
  }
}

let wire: Wire;
let now: number;
let tasks: { readonly at: number; readonly run: () => void }[];
let news: boolean[];
let heard: number;
let channel: HintChannel;

/** Lets time pass, and what was scheduled in it happen. */
function pass(ms: number): void {
  now += ms;
  const due = tasks.filter((task) => task.at <= now);
  tasks = tasks.filter((task) => task.at > now);
  for (const { run } of due) run();
}

beforeEach(() => {
  wire = new Wire();
  now = 0;
  tasks = [];
  news = [];
  heard = 0;
  let nonces = 0;
  channel = new HintChannel(wire, {
    monotonic: () => now,
    nonce: () => String((nonces += 1)),
    schedule: (run, delayMs) => {
      const task = { at: now + delayMs, run };
      tasks.push(task);
      return () => {
        tasks = tasks.filter((other) => other !== task);
      };
    },
    onChange: (arrive) => news.push(arrive),
    onFailure: () => undefined,
  });
  channel.start(() => {
    heard += 1;
  });
});

describe('a channel of hints', () => {
  it('wakes for each hint, and once when it listens, since some may have been missed', () => {
    wire.listener!.onOpen();
    expect(heard).toBe(1);
    channel.publish();
    wire.deliver();
    expect(heard).toBe(2);
    wire.listener!.onOpen();
    expect(heard).toBe(3);
  });

  it('wakes for anything strange, and for no probe of anybody', () => {
    for (const text of ['{', '{"user":"*"}', 'x'.repeat(1_000), '\0']) wire.listener!.onMessage(text);
    expect(heard).toBe(4);
    wire.listener!.onMessage('probe:of another');
    wire.deliver();
    expect(heard).toBe(4);
  });

  it('knows nothing before the first probe, and then what a round trip takes', () => {
    expect(channel.report()).toEqual({ arrive: null, roundTripMs: null });
    wire.listener!.onOpen();
    pass(3);
    wire.deliver();
    expect(channel.report()).toEqual({ arrive: true, roundTripMs: 3 });
    expect(news).toEqual([true]);
  });

  it('says once that hints are cut, and once that they arrive again', () => {
    pass(60_000);
    wire.sent.length = 0;
    pass(10_000);
    pass(10_000);
    expect(channel.report().arrive).toBe(false);
    expect(news).toEqual([false]);
    pass(10_000);
    wire.deliver();
    expect(news).toEqual([false, true]);
  });

  it('does not take an older probe, or a forged one, for the one it awaits', () => {
    const [first] = wire.sent.splice(0);
    wire.listener!.onOpen();
    wire.sent.length = 0;
    wire.listener!.onMessage(first!);
    wire.listener!.onMessage('probe:');
    expect(channel.report().arrive).toBeNull();
    pass(10_000);
    expect(channel.report().arrive).toBe(false);
  });

  it('probes again by itself every minute', () => {
    wire.listener!.onOpen();
    wire.deliver();
    pass(59_999);
    expect(wire.sent).toEqual([]);
    pass(1);
    expect(wire.sent).toHaveLength(1);
  });

  it('lives with a wire that is broken', async () => {
    wire.isBroken = true;
    channel.publish();
    pass(60_000);
    await settled();
    pass(60_000);
    expect(channel.report().arrive).toBe(false);
  });

  it('probes at once when a hint cannot be sent', async () => {
    wire.deliver();
    wire.isBroken = true;
    channel.publish();
    await settled();
    pass(1_000);
    expect(news).toEqual([true, false]);
  });

  it('is quiet once it has stopped', async () => {
    await channel.stop();
    wire.sent.length = 0;
    pass(1_000_000);
    expect(wire.sent).toEqual([]);
    expect(news).toEqual([]);
  });
});

describe('hints in one process', () => {
  it('reach everybody who listens, the sender too, and nobody who has closed', async () => {
    const heardBy: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => {
      const hints = new InProcessHints();
      hints.open({ onOpen: () => undefined, onMessage: (text) => heardBy.push(name + text) });
      return hints;
    });
    await c!.close();
    await a!.send('!');
    expect(heardBy).toEqual([]);
    await settled();
    expect(heardBy).toEqual(['a!', 'b!']);
    await Promise.all([a!.close(), b!.close()]);
  });
});
