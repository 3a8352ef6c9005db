import { Agent } from 'node:http';
import { startServer } from '../support/server.js';
import { seededRandom } from '../nemesis/random.js';
import { type FuzzRequest, RequestMaker } from './fuzz-request.js';
import { judge, jsonOf } from './judge.js';
import { Memory } from './memory.js';
import { type Held, makePeople, type Person } from './people.js';
import { type FuzzAnswer, type Outcome, send } from './send.js';

export interface FuzzSettings {
  readonly databaseUrl: string;
  readonly requests: number;
  readonly seed: number;
  readonly adapter: 'express' | 'fastify';
}

export interface FuzzReport {
  readonly requests: number;
  readonly seconds: number;
  /** How often each status, and what else became of requests. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Answers 200 of `/me`, each of which was the token's own user. */
  readonly identified: number;
  /** What must not be, with the number of the request; empty where all is well. */
  readonly violations: readonly string[];
  readonly memory: string;
}

const PEOPLE = 100;
const WORKERS = 24;
/** Of one person; older ones are left behind, live. */
const MOST_HELD = 4;
const SAMPLE_EVERY = 250;
const MOST_VIOLATIONS = 20;
/** Short, so that everything that happens now and then happens. */
const ENVIRONMENT = {
  SIGN_IN_LIMIT: '0',
  CONCURRENT_LOGIN_STRATEGY: 'LogoutFromSameTypeDevicesLimit',
  CONCURRENT_LOGIN_LIMIT: '5',
  SESSION_IDLE_TIMEOUT_MS: '8000',
  SESSION_IDLE_MARGIN_MS: '500',
  SESSION_SYNC_INTERVAL_MS: '1000',
  SESSION_KEEP_ACCESS_MS: '1000',
  SESSION_TAIL_INTERVAL_MS: '200',
  SESSION_CLEANUP_INTERVAL_MS: '2000',
  SESSION_ROTATION_INTERVAL_MS: '6000',
  SESSION_ROTATION_GRACE_MS: '3000',
  ADMIN_EMAIL: 'root@example.com',
  ADMIN_PASSWORD: 'correct horse battery',
};

/**
 * The heap is collected once it has grown by a quarter. By itself V8 lets it double, and a window of a short run may see
 * nothing but garbage.
 */
const COLLECTS_OFTEN = ['--heap-growing-percent=25'];

/**
 * Sends seeded random requests of a hundred people to a server of its own and holds every answer against what must never
 * be. What a request is follows from the seed and its number; which tokens are good at that moment, from what the server
 * answered before, so that a replay is close and not exact.
 */
export async function fuzz({ databaseUrl, requests, seed, adapter }: FuzzSettings): Promise<FuzzReport> {
  const server = await startServer(
    { ...ENVIRONMENT, DATABASE_URL: databaseUrl, HTTP_ADAPTER: adapter },
    COLLECTS_OFTEN,
  );
  const agent = new Agent({ keepAlive: true, maxSockets: WORKERS });
  try {
    const run = new Run(server.url, agent, await makePeople(databaseUrl, PEOPLE), requests, seed);
    void server.exited.then((code) => {
      run.violate(`the server ended with ${code}:\n${server.output().slice(-2_000)}`);
    });
    const begunAt = performance.now();
    await run.everything();
    const seconds = (performance.now() - begunAt) / 1_000;
    agent.destroy();
    const report = run.report(seconds);
    const code = await server.stop();
    return code === 0 ? report : { ...report, violations: [...report.violations, `SIGTERM ended it with ${code}`] };
  } finally {
    agent.destroy();
    await server.kill();
  }
}

class Run {
  readonly #outcomes: Record<string, number> = {};
  readonly #violations: string[] = [];
  readonly #memory = new Memory();
  readonly #maker: RequestMaker;
  readonly #url: URL;
  #next = 0;
  #identified = 0;
  #isOver = false;

  constructor(
    url: string,
    private readonly agent: Agent,
    private readonly people: readonly Person[],
    private readonly requests: number,
    private readonly seed: number,
  ) {
    this.#url = new URL(url);
    this.#maker = new RequestMaker(people);
  }

  violate(what: string): void {
    if (!this.#isOver && this.#violations.length < MOST_VIOLATIONS) this.#violations.push(what);
  }

  async everything(): Promise<void> {
    for (const person of this.people) await this.#carryOut(-1, this.#maker.signIn(person, 'bearer'));
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
    // Afterwards it is as good as before: everybody gets in, and is themselves.
    for (const person of this.people) {
      await this.#carryOut(-1, this.#maker.signIn(person, 'cookie'));
      const held = person.sessions.at(-1)!;
      const headers = { Cookie: `session=${held.token}` };
      const outcome = await send(this.#url, this.agent, {
        ...this.#maker.signIn(person, 'cookie'),
        method: 'GET',
        path: '/me',
        headers,
        body: undefined,
      });
      const isSelf =
        typeof outcome === 'object' && outcome.status === 200 && jsonOf(outcome)?.['userId'] === person.userId;
      if (!isSelf) this.violate(`${person.email} is not served afterwards: ${summary(outcome)}`);
    }
    this.#isOver = true;
  }

  report(seconds: number): FuzzReport {
    if (!this.#memory.isFlat) this.#violations.push(`memory grows: ${this.#memory.text}`);
    const outcomes = Object.fromEntries(Object.entries(this.#outcomes).toSorted());
    return {
      requests: this.#next,
      seconds,
      outcomes,
      identified: this.#identified,
      violations: this.#violations,
      memory: this.#memory.text,
    };
  }

  async #work(): Promise<void> {
    while (this.#next < this.requests && this.#violations.length < MOST_VIOLATIONS) {
      const number = this.#next++;
      if (number % SAMPLE_EVERY === 0) await this.#memory.sample(this.#url.origin, number / this.requests);
      const random = seededRandom(this.seed).fork(`request ${number}`);
      await this.#carryOut(number, this.#maker.make(random));
    }
  }

  async #carryOut(number: number, request: FuzzRequest): Promise<void> {
    const outcome = await send(this.#url, this.agent, request);
    const kind = typeof outcome === 'object' ? String(outcome.status) : outcome;
    this.#outcomes[kind] = (this.#outcomes[kind] ?? 0) + 1;
    if (outcome === 'late') this.violate(describe(number, request, 'no answer'));
    if (typeof outcome !== 'object') return;
    const wrong = judge(request, outcome);
    if (wrong !== undefined) this.violate(describe(number, request, wrong));
    if (outcome.status === 200 && request.path === '/me') this.#identified += 1;
    this.#remember(request, outcome);
  }

  /** Takes the tokens that an answer gives, and forgets those that are good for nothing any more. */
  #remember(request: FuzzRequest, answer: FuzzAnswer): void {
    const given = cookieOf(answer) ?? textOf(answer.headers['session-token']);
    const only = request.presented.length === 1 ? request.presented[0]! : undefined;
    if (request.signsIn !== undefined && answer.status === 200) this.#begin(request.signsIn, answer);
    // A sign-in over a session gives the token of another.
    else if (only !== undefined && given?.includes(only.sessionId) === true) only.token = given;
    else if (only !== undefined && answer.status === 401 && request.isWhole) {
      const sessions = this.people.find(({ userId }) => userId === only.userId)?.sessions ?? [];
      if (sessions.includes(only)) sessions.splice(sessions.indexOf(only), 1);
    }
  }

  #begin({ person, transport }: NonNullable<FuzzRequest['signsIn']>, answer: FuzzAnswer): void {
    const body = jsonOf(answer) as { session?: { id: string; userId: string }; token?: string } | undefined;
    if (body?.session === undefined) return;
    const token = transport === 'bearer' ? body.token : cookieOf(answer);
    if (body.session.userId !== person.userId) this.violate(`${person.email} signed in as ${body.session.userId}`);
    if (token === undefined) return;
    const held: Held = { userId: person.userId, sessionId: body.session.id, transport, token };
    person.sessions.push(held);
    if (person.sessions.length > MOST_HELD) person.sessions.shift();
  }
}

function cookieOf({ headers }: FuzzAnswer): string | undefined {
  const lines = [headers['set-cookie'] ?? []].flat();
  return lines.map((line) => /^session=([^;]*)/.exec(line)?.[1]).find((value) => value !== undefined);
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function describe(number: number, { method, path, headers, body }: FuzzRequest, wrong: string): string {
  const sent = `${method} ${path.slice(0, 300)} ${JSON.stringify(headers).slice(0, 400)} ${String(body).slice(0, 200)}`;
  return `request ${number}: ${wrong}\n    ${sent}`;
}

function summary(outcome: Outcome): string {
  return typeof outcome === 'object' ? `${outcome.status} ${outcome.text.slice(0, 200)}` : outcome;
}
