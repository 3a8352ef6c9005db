import { HttpException, Logger } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import { within } from '../../sync/within.js';
import type { SessionNotice } from '../notices/session-notice.js';
import { HookRefusal } from './refuse.js';
import type { SessionHooks } from './session-hooks.js';

type Hooks = Required<SessionHooks>;
export type BeforeHook = Extract<keyof Hooks, `before${string}`>;
export type AfterHook = Extract<keyof Hooks, `after${string}`>;

/** What is asked and told around an operation, for which sessions are read. */
const AROUND_OPERATIONS: readonly (BeforeHook | AfterHook)[] = [
  ...(['beforeSignIn', 'afterSignIn', 'beforeSignOut', 'afterSignOut'] as const),
  ...(['beforeChange', 'afterChange', 'beforeEnd', 'afterEnd'] as const),
];

/** Calls the application's hooks. Callers ask `isEmpty` first, so that nothing is made for nobody. */
export class SessionHookRunner {
  readonly #logger = new Logger('IdentitySession');
  readonly #running = new Set<Promise<void>>();
  #hooks: readonly SessionHooks[] | undefined;
  #isEmpty: boolean;

  /** @param make gives the hooks; asked at first use, since they may inject what calls them */
  constructor(
    isEmpty: boolean,
    private readonly make: () => readonly SessionHooks[],
    private readonly deadlineMs: number,
  ) {
    this.#isEmpty = isEmpty;
  }

  /** That there is nobody to be asked or told around an operation. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** @throws what the making of the hooks throws */
  load(): readonly SessionHooks[] {
    if (this.#hooks === undefined) {
      const made = this.make();
      this.#hooks = made;
      this.#isEmpty = AROUND_OPERATIONS.every((hook) => made.every((hooks) => hooks[hook] === undefined));
    }
    return this.#hooks;
  }

  /** Whether any of them wants notices to users. */
  get hearsNotices(): boolean {
    return this.load().some((hooks) => hooks.onNotice !== undefined);
  }

  /** Gives each hook a notice, in order. @throws what a hook throws: the others have had it then, or have not */
  async notice(notice: SessionNotice): Promise<void> {
    for (const hooks of this.load()) await hooks.onNotice?.(notice);
  }

  /**
   * Asks each hook, in order.
   * @throws IdentitySessionError `REFUSED_BY_HOOK` where one refuses, `HOOK_FAILED` where one fails or does not answer; an
   * `IdentitySessionError` or `HttpException` of the hook as it is
   */
  async before<THook extends BeforeHook>(hook: THook, ...given: Parameters<Hooks[THook]>): Promise<void> {
    for (const hooks of this.load()) {
      if (hooks[hook] === undefined) continue;
      const answer = await this.#call(hooks, hook, given).catch((error: unknown) =>
        this.#refusalOf(error, hooks, hook),
      );
      if (answer instanceof HookRefusal) throw new IdentitySessionError('REFUSED_BY_HOOK', answer.message);
    }
  }

  /** Calls each hook, in order; returns at once. */
  after<THook extends AfterHook>(hook: THook, ...given: Parameters<Hooks[THook]>): void {
    const running = this.#afterwards(hook, given);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  /** Waits for what is under way, no longer than for one hook. */
  async drain(): Promise<void> {
    if (this.#running.size > 0) await within(this.deadlineMs, Promise.all(this.#running)).catch(() => undefined);
  }

  async #afterwards(hook: AfterHook, given: readonly unknown[]): Promise<void> {
    for (const hooks of this.load()) {
      if (hooks[hook] === undefined) continue;
      await this.#call(hooks, hook, given).catch((error: unknown) => {
        this.#logger.error(`The hook ${nameOf(hooks, hook)} failed, which has no effect: ${String(error)}`);
      });
    }
  }

  #call(hooks: SessionHooks, hook: keyof Hooks, given: readonly unknown[]): Promise<unknown> {
    const methods = hooks as Readonly<Record<string, (...given: readonly unknown[]) => unknown>>;
    const answer = new Promise((resolve) => {
      resolve(methods[hook]?.(...given));
    });
    return within(this.deadlineMs, answer);
  }

  /** A refusal is an answer, whichever way it comes; what is not meant must not let anybody in. */
  #refusalOf(error: unknown, hooks: SessionHooks, hook: BeforeHook): HookRefusal {
    if (error instanceof HookRefusal) return error;
    if (error instanceof IdentitySessionError || error instanceof HttpException) throw error;
    this.#logger.error(`The hook ${nameOf(hooks, hook)} failed, so nothing was done: ${String(error)}`);
    throw new IdentitySessionError(
      'HOOK_FAILED',
      'A check of the application failed or did not answer in time. Nothing has been changed; try again.',
      { retryAfterSeconds: 1 },
      error,
    );
  }
}

/** Without hooks. */
export const NO_HOOKS = new SessionHookRunner(true, () => [], 0);

const nameOf = (hooks: SessionHooks, hook: keyof Hooks): string => `${hooks.constructor.name}.${hook}`;
