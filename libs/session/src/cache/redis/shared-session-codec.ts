import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { IdentitySessionError } from '../../core/errors.js';
import { SESSION_STATUSES } from '../../core/lifecycle.js';
import {
  APPROVAL_MODES,
  type Approvers,
  type PendingSignIn,
  type RequirementMet,
  type SignInRequirement,
} from '../../core/pending.js';
import {
  ASSURANCE_LEVELS,
  DEVICE_TYPES,
  type PreviousToken,
  type SessionRecord,
  type SessionSubject,
} from '../../core/session.js';
import type { TokenKey } from '../../core/token.js';
import { deepFrozen, MOST_DATA_BYTES, storableData } from '../../store/storable-data.js';
import type { SharedSession } from '../shared-session-cache.js';
import {
  bytes,
  count,
  type Field,
  flag,
  listOf,
  Malformed,
  nullable,
  objectOf,
  oneOf,
  text,
  time,
} from './json-fields.js';

/** Part of every key and value. To be raised with every change of what a value holds, once that has been released. */
export const FORMAT = 1;

/** A longer value is neither written nor read. */
export const MOST_BYTES = 65_536 + MOST_DATA_BYTES;

/** Why a value is not believed. */
export type Refusal = 'oversize' | 'format' | 'malformed' | 'foreign' | 'unauthenticated';

const data: Field<SessionRecord['data']> = {
  encode: (value) => value,
  decode: (json) => {
    if (json === undefined) throw new Malformed();
    return deepFrozen(storableData(json, MOST_DATA_BYTES));
  },
};

const PENDING = objectOf<PendingSignIn>({
  requirements: listOf(
    objectOf<SignInRequirement>({
      name: text,
      approvers: nullable(objectOf<Approvers>({ mode: oneOf(APPROVAL_MODES), of: listOf(text) })),
      met: listOf(objectOf<RequirementMet>({ by: nullable(text), at: time })),
    }),
  ),
  roles: listOf(text),
});

const RECORD = objectOf<SessionRecord>({
  id: text,
  version: count,
  sequence: count,
  tenantId: nullable(text),
  userId: text,
  clientId: nullable(text),
  deviceType: oneOf(DEVICE_TYPES),
  deviceId: nullable(text),
  status: oneOf(SESSION_STATUSES),
  pending: nullable(PENDING),
  scopeKeys: listOf(text),
  tokenDigest: bytes(32),
  tokenGeneration: count,
  previous: nullable(
    objectOf<PreviousToken>({
      digest: bytes(32),
      assurance: oneOf(ASSURANCE_LEVELS),
      authenticatedAt: time,
      hasSuccessor: flag,
    }),
  ),
  rotationSalt: text,
  rotatedAt: nullable(time),
  deviceName: nullable(text),
  userAgent: nullable(text),
  initialIp: nullable(text),
  lastIp: nullable(text),
  location: nullable(text),
  impersonator: nullable(objectOf<SessionSubject>({ tenantId: nullable(text), userId: text })),
  rememberMe: flag,
  isProtected: flag,
  assurance: oneOf(ASSURANCE_LEVELS),
  createdAt: time,
  authenticatedAt: time,
  lastAccessedAt: time,
  idleTimeoutMs: count,
  expiresAt: time,
  endedAt: nullable(time),
  endReason: nullable(text),
  endedBy: nullable(text),
  restoredFrom: nullable(text),
  data,
  dataVersion: count,
});

/** Beside what the first line says. */
const BODY = objectOf<Omit<SharedSession, 'asOf'>>({
  record: RECORD,
  server: text,
  lastAccessedAt: time,
  lastIp: nullable(text),
});

/** Format, version, `asOf`, and the key's id with the MAC or a hyphen. The script that writes reads the first three. */
const FIRST_LINE = new RegExp(
  `^(${FORMAT} ([1-9]\\d{0,15}) (\\d{1,16}(?:\\.\\d{1,9})?)) (?:-|([A-Za-z0-9]{1,16})\\.([A-Za-z0-9_-]{43}))\\n`,
);

/**
 * Writes a session for the shared cache and reads it back, with the distrust that a place deserves to which others may
 * write. With keys, a value is signed with the first and read only where one of them has signed it, for this namespace
 * and this session; the keys derive from the token keys and are of use for nothing else.
 */
export class SharedSessionCodec {
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #signing: string | undefined;

  constructor(
    private readonly namespace: string,
    keys: readonly TokenKey[] = [],
  ) {
    this.#signing = keys[0]?.id;
    this.#keys = new Map(keys.map(({ id, secret }) => [id, derived(secret)]));
  }

  /** `undefined` for what would not be read back. */
  encode(session: SharedSession): string | undefined {
    const { asOf, ...body } = session;
    const head = `${FORMAT} ${session.record.version} ${asOf}`;
    const payload = JSON.stringify(BODY.encode(body));
    const signature =
      this.#signing === undefined ? '-' : this.#signatureOf(this.#signing, head, body.record.id, payload);
    const value = `${head} ${signature}\n${payload}`;
    return FIRST_LINE.test(value) && Buffer.byteLength(value) <= MOST_BYTES ? value : undefined;
  }

  /** The session of this id that the value tells of, or why it is not believed. Never throws, whatever the value is. */
  decode(id: string, value: string): SharedSession | Refusal {
    if (value.length > MOST_BYTES || Buffer.byteLength(value) > MOST_BYTES) return 'oversize';
    const first = FIRST_LINE.exec(value);
    if (first === null) return value.startsWith(`${FORMAT} `) ? 'malformed' : 'format';
    const [line, head = '', version, asOf, keyId, mac] = first;
    const payload = value.slice(line.length);
    if (this.#signing !== undefined && !this.#isAuthentic(keyId, mac, head, id, payload)) return 'unauthenticated';
    const body = read(payload);
    if (body === undefined || body.record.version !== Number(version)) return 'malformed';
    return body.record.id === id ? { ...body, asOf: Number(asOf) } : 'foreign';
  }

  #isAuthentic(keyId: string | undefined, mac: string | undefined, head: string, id: string, payload: string): boolean {
    if (keyId === undefined || mac === undefined || !this.#keys.has(keyId)) return false;
    const expected = this.#signatureOf(keyId, head, id, payload);
    return timingSafeEqual(Buffer.from(expected), Buffer.from(`${keyId}.${mac}`));
  }

  #signatureOf(keyId: string, head: string, id: string, payload: string): string {
    const mac = createHmac('sha256', this.#keys.get(keyId) ?? '')
      // No part but the last can hold a line break.
      .update(`${this.namespace}\n${id}\n${head} ${keyId}\n${payload}`)
      .digest('base64url');
    return `${keyId}.${mac}`;
  }
}

function derived(secret: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'nestjs-identity-session shared cache', 32));
}

function read(payload: string): Omit<SharedSession, 'asOf'> | undefined {
  try {
    return BODY.decode(JSON.parse(payload));
  } catch (error) {
    const isMalformed =
      error instanceof SyntaxError || error instanceof Malformed || error instanceof IdentitySessionError;
    if (isMalformed) return undefined;
    throw error;
  }
}
