import { isInCutOffScope } from '../../core/cut-off.js';
import { meet, withMet } from '../../core/pending.js';
import type { SessionRecord } from '../../core/session.js';
import { decisionFor, planAdmission } from '../../store/memory/admission-plan.js';
import { completion, isReady } from '../../store/memory/slot-changes.js';
import { newSession } from '../../store/memory/stored-session.js';
import type { ActivateOutcome, Activation, Meeting, MeetOutcome } from '../../store/session-activation.js';
import type { Admission, AdmitOutcome, SessionScope } from '../../store/session-store.js';
import type { SimulatedDatabase } from './simulated-database.js';
import { type SimulatedRows, SYSTEM } from './simulated-rows.js';
import { holdsSlot, withSlot } from './simulated-slots.js';
import type { SimulatedTransaction } from './simulated-transaction.js';

/** The verbs of the store by which sessions come to hold a slot. */
export class SimulatedAdmissions {
  constructor(
    private readonly database: SimulatedDatabase,
    private readonly rows: SimulatedRows,
  ) {}

  admit(admission: Admission): Promise<AdmitOutcome> {
    return this.rows.transaction(async (transaction) => {
      await transaction.lock(`subject ${admission.facts.userId}`);
      await this.rows.statement();
      const earlier = transaction.read(admission.id);
      if (earlier !== undefined) return { kind: 'admitted', session: earlier, evicted: [], ended: [] };
      const ended = await this.rows.endOver(transaction, admission.facts.userId);
      await this.rows.statement();
      const { decision, superseded } = this.#plan(admission, transaction);
      if (decision.kind !== 'admit') return { kind: 'rejected', full: [], ended };
      for (const { id } of superseded) {
        const rejected = await this.rows.endUncut(transaction, id, 'rejected', SYSTEM);
        if (rejected !== undefined) ended.push(rejected);
      }
      const evicted: SessionRecord[] = [];
      for (const id of decision.evict) {
        const victim = await this.rows.endUncut(transaction, id, 'evicted', SYSTEM);
        if (victim !== undefined) evicted.push(victim);
      }
      const at = Math.floor(this.database.now());
      const cutOffs = this.database.cutOffs.filter(({ cutOff }) => isInCutOffScope(cutOff.scope, admission.facts));
      const createdAt = Math.max(at, ...cutOffs.map(({ cutOff }) => cutOff.notBefore + 1));
      const session = transaction.write(newSession(admission, this.database.nextSequence(), at, createdAt), 'created');
      return { kind: 'admitted', session, evicted, ended };
    });
  }

  meet(scope: SessionScope, { id, requirement, by, isApproval }: Meeting): Promise<MeetOutcome | undefined> {
    return this.rows.transaction(async (transaction) => {
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record?.pending == null || record.status !== 'pending' || !this.rows.mayChange(record, scope))
        return undefined;
      const decision = meet(record.pending, requirement, by, isApproval);
      if (decision.kind === 'refused') return decision;
      if (decision.kind === 'unchanged') return { kind: 'unchanged', session: record };
      const pending = withMet(record.pending, decision.position, { by, at: Math.floor(this.database.now()) });
      const changed = { ...record, pending, version: record.version + 1 };
      return { kind: 'met', session: transaction.write(changed, 'requirement_met') };
    });
  }

  activate(activation: Activation): Promise<ActivateOutcome> {
    const { facts, id, scope, completes } = activation;
    return this.rows.transaction(async (transaction) => {
      await transaction.lock(`subject ${facts.userId}`);
      await this.rows.statement();
      const ended = await this.rows.endOver(transaction, facts.userId);
      await this.rows.statement();
      const held = transaction
        .all()
        .filter((one) => one.userId === facts.userId && this.rows.isUnended(one) && holdsSlot(one) && one.id !== id);
      const seen = transaction.read(id);
      if (seen === undefined || !isReady(seen, completes)) return { kind: 'unchanged', ended };
      const decision = holdsSlot(seen) ? ({ kind: 'admit', evict: [] } as const) : decisionFor(activation, held, false);
      if (decision.kind !== 'admit') return { kind: 'rejected', full: [], ended };
      await transaction.lock(id);
      const record = transaction.read(id);
      if (record === undefined || !isReady(record, completes) || !this.rows.mayChange(record, scope)) {
        return { kind: 'unchanged', ended };
      }
      const evicted: SessionRecord[] = [];
      for (const victim of decision.evict) {
        const one = await this.rows.endUncut(transaction, victim, 'evicted', SYSTEM);
        if (one !== undefined) evicted.push(one);
      }
      const now = Math.floor(this.database.now());
      const changes = completes === null ? {} : completion(record, activation, now);
      const active = { ...withSlot(record), ...changes, status: 'active', version: record.version + 1 } as const;
      return { kind: 'activated', session: transaction.write(active, 'activated'), evicted, ended };
    });
  }

  #plan(admission: Admission, transaction: SimulatedTransaction): ReturnType<typeof planAdmission> {
    const sessions = transaction.all().filter((record) => !this.rows.isCutOff(record));
    return planAdmission(admission, sessions, holdsSlot, false, this.database.now());
  }
}
