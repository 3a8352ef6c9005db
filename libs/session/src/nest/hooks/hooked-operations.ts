import type { EntityManager } from 'typeorm';
import type { ChangeNote, SessionScope } from '../../store/session-store.js';
import { Session } from '../session/session.js';
import type { SessionWriter } from '../sign-in/session-writer.js';
import type { SessionHookRunner } from './session-hook-runner.js';
import type { HookContext, SessionChange, SessionEnd } from './session-hooks.js';

/** One session, and who changes it why. */
export interface HookedTarget extends ChangeNote {
  readonly id: string;
  readonly scope: SessionScope;
  readonly manager: EntityManager | undefined;
}

type Change = Omit<SessionChange, 'userId' | 'tenantId'> & { readonly session: Session };

/** Runs changes and ends with what hooks have to say to them. Without hooks they are run, and nothing else is done. */
export class HookedOperations {
  constructor(
    private readonly hooks: SessionHookRunner,
    private readonly writer: Pick<SessionWriter, 'whenDurable' | 'readIn'>,
  ) {}

  /** `changed` gives the session as it is then; `undefined` where nothing was changed. */
  async change<T>(
    change: Change,
    context: HookContext,
    run: () => Promise<T>,
    changed: (result: T) => Session | undefined,
  ): Promise<T> {
    if (this.hooks.isEmpty) return run();
    const { userId, tenantId } = change.session;
    const asked = { ...change, userId, tenantId };
    await this.hooks.before('beforeChange', asked, context);
    const result = await run();
    const session = changed(result);
    if (session === undefined) return result;
    this.writer.whenDurable(context.manager, () => {
      this.hooks.after('afterChange', { ...asked, session }, context);
    });
    return result;
  }

  /** As `change`, of a session that has to be found first; where there is none in scope `run` says so. */
  async changeById<T extends Session | undefined>(
    kind: SessionChange['kind'],
    target: HookedTarget,
    run: () => Promise<T>,
  ): Promise<T> {
    const found = await this.#find(target);
    if (found === undefined) return run();
    const { reason, by, manager } = target;
    return this.change(
      { kind, session: found, reason, by },
      { request: undefined, manager },
      run,
      (session) => session,
    );
  }

  async endById<T extends Session | undefined>(
    kind: SessionEnd['kind'],
    target: HookedTarget & { readonly userId?: string | undefined },
    run: () => Promise<T>,
  ): Promise<T> {
    const { reason, by, manager, userId } = target;
    const found = await this.#find(target);
    if (found === undefined || (userId !== undefined && found.userId !== userId)) return run();
    const end = { kind, session: found, reason, by };
    const context = { request: undefined, manager };
    await this.hooks.before('beforeEnd', end, context);
    const result = await run();
    const session: Session | undefined = result;
    if (session !== undefined) {
      this.writer.whenDurable(manager, () => {
        this.hooks.after('afterEnd', { kind, session, reason, by }, context);
      });
    }
    return result;
  }

  async #find({ id, scope, manager }: HookedTarget): Promise<Session | undefined> {
    if (this.hooks.isEmpty) return undefined;
    const record = await this.writer.readIn(manager, scope, id);
    return record && new Session(record);
  }
}
