// What docs/hooks.md shows; compiled with the tests.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { Controller, Get, Injectable, Param, Post } from '@nestjs/common';
import {
  CurrentSession,
  DurableSessionListener,
  type EventDelivery,
  type HookRefusal,
  IdentitySessionModule,
  OnSessionEvent,
  refuse,
  type Session,
  type SessionChangeEvent,
  SessionDeadLetters,
  SessionIds,
  SessionPool,
  type TextCodec,
  SessionResources,
  SessionService,
  type SessionJson,
  sessionToJson,
  type SessionEnd,
  type SessionEvent,
  type SessionHooks,
  type SessionNotice,
  type SessionResyncEvent,
  type SignInHookContext,
  type SignInInput,
} from 'nestjs-identity-session';

/** Your own services. */
export abstract class Accounts {
  abstract isLocked(userId: string): Promise<boolean>;
  abstract noteSignIn(userId: string, ip: string | null): Promise<void>;
}

// #region hooks
@Injectable()
export class AccountHooks implements SessionHooks {
  constructor(private readonly accounts: Accounts) {}

  async beforeSignIn({ userId }: SignInInput): Promise<HookRefusal | undefined> {
    return (await this.accounts.isLocked(userId)) ? refuse('The account is locked.') : undefined;
  }

  async afterSignIn({ userId }: Session, { ip }: SignInHookContext): Promise<void> {
    await this.accounts.noteSignIn(userId, ip);
  }

  beforeEnd({ session, by }: SessionEnd): void {
    if (session.data['onCall'] === true && by !== session.userId) throw refuse('Who is on call stays signed in.');
  }
}

export const withHooks = IdentitySessionModule.forRoot({ hooks: [AccountHooks] });
// #endregion

// #region events
@Injectable()
export class Presence {
  readonly #online = new Map<string, Set<string>>();

  @OnSessionEvent('signed_out', 'revoked', 'evicted', 'expired')
  forget({ userId, sessionId }: SessionChangeEvent): void {
    if (userId !== null && sessionId !== null) this.#online.get(userId)?.delete(sessionId);
  }

  @OnSessionEvent('cut_off', 'resync')
  startAnew(_event: SessionChangeEvent | SessionResyncEvent): void {
    this.#online.clear(); // many have ended, or some changes may have been missed
  }
}
// #endregion

/** Your own table, with a unique key. */
export abstract class AuditTrail {
  abstract addOnce(id: string, event: SessionEvent): Promise<void>;
}

// #region durable
@Injectable()
export class AuditListener {
  constructor(
    private readonly trail: AuditTrail,
    private readonly letters: SessionDeadLetters,
  ) {}

  @DurableSessionListener('audit-trail', { from: 'beginning', types: ['created', 'revoked', 'cut_off', 'resync'] })
  async record(event: SessionEvent, { id }: EventDelivery): Promise<void> {
    await this.trail.addOnce(id, event); // it may come twice
  }

  /** For an administrator, once the cause is mended. */
  async tryAgain(): Promise<void> {
    for (const { id } of await this.letters.list({ listener: 'audit-trail' })) await this.letters.retry(id);
  }
}
// #endregion

// #region webhooks
export const withWebhooks = IdentitySessionModule.forRootAsync({
  useFactory: () => ({
    webhooks: [
      {
        name: 'crm',
        url: 'https://crm.example.com/hooks/sessions',
        secrets: (process.env['CRM_WEBHOOK_SECRETS'] ?? '').split(','), // the new one beside the old one
        types: ['created', 'revoked', 'evicted'],
      },
    ],
  }),
});
// #endregion

/** Your own, which sends nothing twice under one id. */
export abstract class Mailer {
  abstract sendOnce(id: string, mail: { to: string; subject: string; text: string }): Promise<void>;
}

// #region notices
@Injectable()
export class NoticesByMail implements SessionHooks {
  constructor(private readonly mailer: Mailer) {}

  async onNotice({ id, kind, userId, isFirst, subject, text }: SessionNotice): Promise<void> {
    if (kind === 'new_device' && isFirst) return; // has just signed up
    await this.mailer.sendOnce(id, { to: userId, subject, text });
  }
}

export const withNotices = IdentitySessionModule.forRoot({ hooks: [NoticesByMail] });
// #endregion

// #region pool
@Injectable()
export class PartyLine implements SessionHooks {
  constructor(private readonly pool: SessionPool) {}

  beforeSignIn(): void {
    const { node, whole } = this.pool.state();
    if (node.inMemory > 90_000 || (whole?.live ?? 0) > 1_000_000)
      throw refuse('Too many people are here. Come back later.');
  }
}
// #endregion

// #region codecs
/** Tells from afar, and to secret scanners, whose token it is; old tokens stay good. */
export const marked: TextCodec = {
  encode: (text) => `acme.${text}`,
  decode: (text) => (text.startsWith('acme.') ? text.slice('acme.'.length) : text),
};

export const withCodecs = IdentitySessionModule.forRoot({ codecs: { token: [marked] } });
// #endregion

// #region id-codecs
/** A UUID tells when its session began; a block of AES tells nothing, and is the same text each time. */
export const sealedWith = (key: Buffer): TextCodec => ({
  encode(id) {
    const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
    return cipher.update(id.replaceAll('-', ''), 'hex', 'base64url') + cipher.final('base64url');
  },
  decode(text) {
    const decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
    const hex = decipher.update(text, 'base64url', 'hex') + decipher.final('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  },
});

/** `ses_…`, as in the application's other APIs. */
export const typed: TextCodec = {
  encode: (text) => `ses_${text}`,
  decode: (text) => (text.startsWith('ses_') ? text.slice('ses_'.length) : undefined),
};

/** As `codecs` of the module; a key of 16 bytes, the same on every node. */
export const idCodecs = (key: Buffer): { id: TextCodec[] } => ({ id: [sealedWith(key), typed] });

/** What the application tells of sessions by itself, it tells with `SessionIds`. */
@Controller('devices')
export class DevicesController {
  constructor(
    private readonly sessions: SessionService,
    private readonly ids: SessionIds,
  ) {}

  @Get()
  async mine(@CurrentSession() current: Session): Promise<SessionJson[]> {
    const mine = await this.sessions.list(current);
    return mine.map((session) => sessionToJson(session, current.id, this.ids));
  }

  /** 404 for what is not one of theirs, and for what is no id. */
  @Post(':id/lost')
  async lost(@CurrentSession() current: Session, @Param('id') id: string): Promise<void> {
    await this.sessions.name(current, this.ids.decode(id), 'Lost');
  }
}
// #endregion

// #region resources
@Injectable()
export class Uploads {
  constructor(private readonly resources: SessionResources) {}

  async begin(session: Session, upload: { abort(why: string): void; finished: Promise<void> }): Promise<void> {
    const giveUp = await this.resources.hold(session, ({ because }) => {
      upload.abort(because); // 'revoked', 'signed_out', …, 'shutdown'
    });
    void upload.finished.finally(giveUp);
  }
}
// #endregion
