import type { DeviceType } from '../../core/session.js';

/**
 * What users are told of: a sign-in from a device that they were not seen on before, the end of a session by somebody or
 * something other than themselves, and that a sign-in of theirs waits for the approval of others.
 */
export type SessionNoticeKind = 'new_device' | 'ended' | 'approval_asked';

/**
 * Which words fit. Of ends: `limit` made room for another sign-in, `token_reused` and `drift` look like theft, `account`
 * comes of a change of the account, `all` ended every session of the user, `other` was done by an administrator or a rule.
 */
export type SessionNoticeKey =
  | 'new_device'
  | 'approval_asked'
  | 'ended.limit'
  | 'ended.token_reused'
  | 'ended.drift'
  | 'ended.account'
  | 'ended.all'
  | 'ended.other';

/** What a notice tells of its session: no token, no digest and no data of it. As it was given at sign-in, not cleaned. */
export interface NoticeSession {
  readonly id: string;
  readonly clientId: string | null;
  readonly deviceType: DeviceType;
  readonly deviceId: string | null;
  readonly deviceName: string | null;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly location: string | null;
  readonly createdAt: Date;
}

/** What fits into words, as one line each and without anything that a mail program or a terminal would act on. */
export interface NoticeParameters {
  /** Its name, or what kind of device it is. */
  readonly device: string;
  /** Location and address; empty where neither is known. */
  readonly place: string;
  /** Like `2026-01-05 10:00 UTC`. */
  readonly time: string;
}

/** A notice before it is put into words. */
export interface NoticeFacts {
  /** The same each time that the notice is given: whoever has sent it has it twice. */
  readonly id: string;
  readonly kind: SessionNoticeKind;
  readonly key: SessionNoticeKey;
  readonly userId: string;
  readonly tenantId: string | null;
  /** `null` where it is about all of a user, and where the session is not kept any more. */
  readonly session: NoticeSession | null;
  /** On the database's clock. */
  readonly at: Date;
  /** Of an end. May be what an administrator has typed: not in the ready text. */
  readonly reason: string | null;
  /** The user, or what part of the system, that did it. */
  readonly actor: string | null;
  /** Of `new_device`: no earlier session of the user is known, as after a sign-up. */
  readonly isFirst: boolean;
  /** Of `approval_asked`: whose approval is missing. */
  readonly approvers: readonly string[];
  readonly parameters: NoticeParameters;
}

/** Plain text; the subject is one line. */
export interface NoticeMessage {
  readonly subject: string;
  readonly text: string;
}

/** A notice that can be sent as it is. It has no secret. */
export type SessionNotice = NoticeFacts & NoticeMessage;

/** Puts a notice into words, in the user's language say. What it throws has the notice tried again later. */
export type NoticeWording = (facts: NoticeFacts) => NoticeMessage | Promise<NoticeMessage>;
