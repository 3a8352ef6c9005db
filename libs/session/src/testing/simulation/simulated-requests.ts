import type { CutOffScope } from '../../core/cut-off.js';
import type { SessionRecord } from '../../core/session.js';
import { newSessionId } from '../../core/token.js';
import type { SessionRequirements } from '../../nest/check/session-judge.js';
import type { SessionVerdict } from '../../nest/check/session-verdict.js';
import { Session } from '../../nest/session/session.js';
import { recordsOf } from '../../nest/sign-in/session-writer.js';
import type { PendingAdmission } from '../../store/session-activation.js';
import type { AdmitOutcome, SessionStore } from '../../store/session-store.js';
import type { Restoration, RestoreOutcome, SessionUndoStore } from '../../store/session-undo.js';
import type { SimulatedKnowledge } from './simulated-knowledge.js';
import type { SimulatedModule } from './simulated-module.js';
import type { SimulatedSurroundings } from './simulated-surroundings.js';

const NOTE = { reason: 'simulated', by: null };

/** A sign-in that waits for its second factor. */
const WAITING: PendingAdmission = {
  requirements: [{ name: 'second_factor', approvers: null }],
  ...{ roles: [], timeLimitMs: 8_000, most: 2 },
};

/** A new session and its token, which nobody else has. */
export interface SimulatedSignIn {
  readonly record: SessionRecord;
  readonly token: string;
}

/** What a node is asked for, by users, administrators and the application. */
export class SimulatedRequests {
  constructor(
    private readonly knowledge: SimulatedKnowledge,
    private readonly module: SimulatedModule,
    private readonly surroundings: SimulatedSurroundings,
  ) {}

  check(token: string, requirements: SessionRequirements): SessionVerdict | Promise<SessionVerdict> {
    return this.module.checker.verify(token, requirements, '192.0.2.1');
  }

  /** As `SessionService.signIn`, with less to say about the session. */
  async signIn(userId: string, name: string, isPending = false): Promise<SimulatedSignIn | undefined> {
    const { options, world } = this.surroundings;
    const id = newSessionId(world.random, this.knowledge.clock.now());
    const { token, digest } = this.module.mint.mint(id, 0);
    const { absoluteLifetimeMs } = options.times;
    // Some outlive a while without requests, others do not.
    const idleTimeoutMs = options.times.idleTimeoutMs * (world.random.chance(0.5) ? 1 : 3);
    const outcome = await this.module.writer.write(
      undefined,
      (store) =>
        store.admit({
          id,
          facts: { tenantId: null, userId, clientId: null, deviceType: 'web', deviceId: null },
          policy: options.policy,
          tokenDigest: digest,
          deviceName: null,
          userAgent: null,
          ip: null,
          location: null,
          impersonator: null,
          rememberMe: false,
          assurance: 'aal1',
          idleTimeoutMs,
          absoluteLifetimeMs,
          data: { name },
          replaces: null,
          answer: null,
          question: { ticketDigest: digest, lifetimeMs: 1_000 },
          pending: isPending ? WAITING : null,
        }),
      changedBy,
    );
    return outcome.kind === 'admitted' ? { record: outcome.session, token } : undefined;
  }

  /** As an administrator does it; `undefined` where there is nothing to end. */
  async revoke(id: string): Promise<boolean> {
    return (await this.module.admin.revoke(id, { reason: 'simulated', by: null })) !== undefined;
  }

  /** As an administrator does it; `false` where it is not active. */
  async suspend(id: string, freesSlot: boolean): Promise<boolean> {
    const suspended = await this.module.admin.suspend(id, { ...NOTE, slot: freesSlot ? 'free' : 'keep' });
    return suspended !== undefined;
  }

  /** As an administrator does it. */
  async resume(id: string): Promise<boolean> {
    return (await this.module.admin.resume(id, NOTE)) !== undefined;
  }

  /** As `SessionService.complete` with all that is required: the new token. */
  async complete(id: string): Promise<string | null> {
    const record = await this.module.writer.read(undefined, id);
    if (record === undefined) return null;
    const given = { requirement: WAITING.requirements[0]?.name };
    return (await this.module.activation.take(new Session(record), given, () => undefined)).token;
  }

  /** As an administrator does it; gives the moment, on the database's clock. */
  async cutOff(scope: CutOffScope): Promise<number> {
    const { notBefore } = await this.module.admin.cutOff({ ...scope, reason: 'simulated' });
    return notBefore.getTime();
  }

  /** Gives the session's data as it is from then on. */
  mergeData(id: string, member: string, value: string): Promise<Session> {
    return this.module.data.merge(id, { [member]: value });
  }

  /** As `mergeData`, by replacing what this node has of it, as long as that is what there is. */
  async setData(id: string, member: string, value: string): Promise<Session | undefined> {
    const record = this.knowledge.known.trusted(id)?.record ?? (await this.module.writer.read(undefined, id));
    if (record === undefined) return undefined;
    return this.module.data.set(id, { ...record.data, [member]: value }, { ifVersion: record.dataVersion });
  }

  setUserData(userId: string, member: string, value: string): Promise<number> {
    return this.module.data.setUserData({ tenantId: null, userId }, { [member]: value });
  }

  /** As an administrator does it; `false` where there is no such session. */
  async undo(id: string): Promise<boolean> {
    return (await this.module.admin.undo(id, NOTE)) !== undefined;
  }

  /** As `SessionService.restore`, for whoever has the token: the new session; `undefined` where it is refused. */
  async restore(id: string): Promise<SimulatedSignIn | undefined> {
    const { options, world } = this.surroundings;
    const old = await this.module.writer.read(undefined, id);
    if (old === undefined) return undefined;
    const newId = newSessionId(world.random, this.knowledge.clock.now());
    const { token, digest } = this.module.mint.mint(newId, 0);
    const { tenantId, userId, clientId, deviceType, deviceId, tokenDigest: presentedDigest } = old;
    const { idleTimeoutMs, absoluteLifetimeMs } = options.times;
    const restoration: Restoration = {
      ...{ id: newId, from: id, facts: { tenantId, userId, clientId, deviceType, deviceId }, presentedDigest },
      ...{ tokenDigest: digest, policy: options.policy, idleTimeoutMs: 3 * idleTimeoutMs, absoluteLifetimeMs },
      ...{ answer: null, question: { ticketDigest: digest, lifetimeMs: 1_000 } },
    };
    const outcome = await this.module.writer.write(
      undefined,
      (store) => (store as SessionStore & SessionUndoStore).restore(restoration),
      restoredBy,
    );
    return outcome.kind === 'restored' ? { record: outcome.session, token } : undefined;
  }

  /** As an administrator asks for it: revokes all sessions of a user by a job. */
  async startJob(id: string, userId: string, reason: string): Promise<true> {
    const asked = { kind: 'revoke', filter: { userId }, scope: { kind: 'all' }, reason } as const;
    await this.knowledge.sessions.jobs.createJob({
      ...asked,
      id,
      askedBy: null,
      max: null,
      matched: 0,
      needsApproval: false,
    });
    this.module.jobs.wake();
    return true;
  }

  /** False where it is over. */
  async cancelJob(id: string): Promise<boolean> {
    return (await this.knowledge.sessions.jobs.cancelJob(id, null)) !== undefined;
  }

  /** As `SessionService.signOut`, for a token that is right. */
  async signOut(id: string): Promise<boolean> {
    const record = await this.module.writer.read(undefined, id);
    if (record === undefined) return false;
    await this.knowledge.touches.flushOne(id);
    const note = { reason: 'signed_out', by: null };
    const end = (store: SessionStore): Promise<SessionRecord | undefined> =>
      store.end({ kind: 'all' }, id, 'signed_out', note);
    const ended = await this.module.writer.write(undefined, end, recordsOf);
    if (ended === undefined) this.knowledge.known.forget([{ ...record, version: record.version + 1 }]);
    return ended !== undefined;
  }

  /** As `SessionService.rotate`: the new token; `undefined` where the session has ended or was rotated meanwhile. */
  async rotate(id: string): Promise<string | undefined> {
    const current = await this.module.writer.read(undefined, id);
    if (current === undefined) return undefined;
    const { token, digest } = this.module.mint.mint(id, current.tokenGeneration + 1);
    const rotation = { id, fromGeneration: current.tokenGeneration, tokenDigest: digest, reauthenticated: false };
    const note = { reason: 'simulated', by: null };
    const record = await this.module.writer.write(undefined, (store) => store.rotate(rotation, note), recordsOf);
    return record === undefined ? undefined : token;
  }
}

function changedBy(outcome: AdmitOutcome): readonly SessionRecord[] {
  return outcome.kind === 'admitted' ? [...outcome.ended, ...outcome.evicted, outcome.session] : outcome.ended;
}

function restoredBy(outcome: RestoreOutcome): readonly SessionRecord[] {
  if (outcome.kind !== 'restored') return outcome.ended;
  return [...outcome.ended, ...outcome.evicted, outcome.from, outcome.session];
}
