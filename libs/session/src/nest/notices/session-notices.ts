import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { SessionRecord } from '../../core/session.js';
import { isMet } from '../../core/pending.js';
import type { SqlExecutor } from '../../store/postgres/sql-executor.js';
import {
  type KnownDevice,
  readDevicesBefore,
  wasPending,
} from '../../store/postgres/statements/known-device.statements.js';
import type { SessionStore } from '../../store/session-store.js';
import { ACCOUNT_REASONS } from '../account/account-event.js';
import type { SessionChangeEvent, SessionEvent } from '../events/session-event.js';
import { SessionHookRunner } from '../hooks/session-hook-runner.js';
import type { EventDelivery } from '../listeners/durable-session-listener.decorator.js';
import { OWN_DATA_SOURCE, RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { asOneLine, parametersOf } from './notice-text.js';
import type { NoticeFacts, NoticeSession, SessionNoticeKey } from './session-notice.js';

/** What notices are made of. */
export const NOTICE_EVENTS = ['created', 'activated', 'revoked', 'evicted', 'cut_off', 'resync'] as const;

const OF_ACCOUNTS: readonly string[] = Object.values(ACCOUNT_REASONS);

/** What an event comes to: the rest of a notice follows from it. */
type Finding = Pick<NoticeFacts, 'kind' | 'key'> &
  Partial<Pick<NoticeFacts, 'isFirst' | 'approvers'>> & { readonly record?: SessionRecord | undefined };

/** Makes of session events what their users are told, for the hooks that have an `onNotice`. */
@Injectable()
export class SessionNotices {
  readonly #logger = new Logger('IdentitySession');

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'notices' | 'drift'>,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(OWN_DATA_SOURCE) private readonly dataSource: DataSource | null,
    @Inject(SessionHookRunner) private readonly hooks: SessionHookRunner,
  ) {}

  /** Whether anybody wants notices. */
  get isWanted(): boolean {
    return this.hooks.hearsNotices;
  }

  /** One event, of which comes one notice or none. @throws what wording and hooks throw: then it is to be called again */
  async tell(event: SessionEvent, { id }: EventDelivery): Promise<void> {
    if (event.type === 'resync') {
      this.#logger.warn(
        'Some notices to users may not have been given: the change log has forgotten what they were about.',
      );
      return;
    }
    const finding = await this.#findingOf(event);
    if (finding === undefined || event.userId === null) return;
    const { kind, key, record, isFirst = false, approvers = [] } = finding;
    const session = record === undefined ? null : factsOf(record);
    const { userId, tenantId, reason, actor, at } = event;
    const facts: NoticeFacts = {
      // A database that was put back may give the number of an event again.
      id: `notice-${id}-${at.getTime()}`,
      ...{ kind, key, userId, tenantId, session, at, actor, isFirst, approvers },
      reason: kind === 'ended' ? reason : null,
      parameters: parametersOf(session, at),
    };
    const { subject, text } = await this.options.notices.message(facts);
    await this.hooks.notice(Object.freeze({ ...facts, subject: asOneLine(subject), text }));
  }

  async #findingOf(event: SessionChangeEvent): Promise<Finding | undefined> {
    const { type, sessionId, userId, actor, reason, at } = event;
    if (type === 'cut_off') {
      return userId === null || actor === userId ? undefined : { kind: 'ended', key: 'ended.all' };
    }
    if (sessionId === null) return undefined;
    const record = (await this.store.findMany([sessionId])).records[0];
    // Of what somebody does in the name of a user the user is not told here: not all may know.
    if (record?.impersonator != null) return undefined;
    if (type === 'created' || type === 'activated') return record && this.#signInOf(type, reason, record);
    if (record?.pending != null) return undefined;
    // What a cut-off has ended is written down later, at the moment of the cut-off, of which was told.
    if (record !== undefined && record.endedAt !== at.getTime()) return undefined;
    const key = type === 'evicted' ? 'ended.limit' : endKeyOf(reason);
    const isOwn = actor === userId && key === 'ended.other';
    return isOwn ? undefined : { kind: 'ended', key, record };
  }

  async #signInOf(type: string, reason: string | null, record: SessionRecord): Promise<Finding | undefined> {
    // Whoever was given it has held the token of the revoked one: the same device, and no sign-in.
    if (record.restoredFrom !== null) return undefined;
    if (record.pending !== null) {
      if (type !== 'created' || record.status !== 'pending') return undefined;
      const approvers = record.pending.requirements.flatMap((one) => (isMet(one) ? [] : (one.approvers?.of ?? [])));
      return approvers.length === 0 ? undefined : { kind: 'approval_asked', key: 'approval_asked', approvers, record };
    }
    const sql = this.#sql;
    // The one event or the other, and not a resumption.
    if (type === 'created' ? await wasPending(sql, record.id) : reason !== 'completed') return undefined;
    const devices = await readDevicesBefore(sql, record.id);
    if (devices.some((device) => this.#isSame(device, record))) return undefined;
    return { kind: 'new_device', key: 'new_device', isFirst: devices.length === 0, record };
  }

  /** By the id that the application gives devices, else by what its user agent says beside versions. */
  #isSame(device: KnownDevice, record: SessionRecord): boolean {
    if (record.deviceId !== null) return device.deviceId === record.deviceId;
    const { agentOf } = this.options.drift;
    return (
      device.deviceType === record.deviceType && agentOf(device.userAgent ?? '') === agentOf(record.userAgent ?? '')
    );
  }

  get #sql(): SqlExecutor {
    const { dataSource } = this;
    if (dataSource === null) throw new Error('Notices need a DataSource.');
    return { query: (sql, parameters = []) => dataSource.query(sql, [...parameters]) };
  }
}

function endKeyOf(reason: string | null): SessionNoticeKey {
  if (reason === 'token_reused') return 'ended.token_reused';
  if (reason === 'drift') return 'ended.drift';
  return OF_ACCOUNTS.includes(reason ?? '') ? 'ended.account' : 'ended.other';
}

function factsOf(record: SessionRecord): NoticeSession {
  const { id, clientId, deviceType, deviceId, deviceName, userAgent, initialIp: ip, location, createdAt } = record;
  return Object.freeze({
    ...{ id, clientId, deviceType, deviceId, deviceName, userAgent, ip, location },
    createdAt: new Date(createdAt),
  });
}
