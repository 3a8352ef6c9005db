import type { PreviousToken, SessionRecord } from '../../core/session.js';
import { newRotationSalt } from '../rotation-salt.js';
import type { ChangeNote, Rotation } from '../session-store.js';
import { hasRunOut } from './session-query.js';
import { noted, type SessionTable } from './session-table.js';

/** Gives a session its next token; nothing where it is not active, or has a later one already. */
export function rotateIn(table: SessionTable, rotation: Rotation, note: ChangeNote): SessionRecord | undefined {
  const [session] = table.liveInScope({ kind: 'all' }, rotation.id);
  const now = table.now();
  if (session?.status !== 'active' || hasRunOut(session, now)) return undefined;
  if (session.tokenGeneration !== rotation.fromGeneration) return undefined;
  const absoluteLifetimeMs = session.expiresAt - session.authenticatedAt;
  const changes = {
    tokenDigest: Uint8Array.from(rotation.tokenDigest),
    tokenGeneration: session.tokenGeneration + 1,
    previous: rotation.previous === undefined ? null : previousOf(session, rotation.previous),
    ...(rotation.previous?.hasSuccessor === true ? {} : { rotationSalt: newRotationSalt() }),
    rotatedAt: now,
    ...(rotation.reauthenticated
      ? { authenticatedAt: now, lastAccessedAt: now, expiresAt: now + absoluteLifetimeMs }
      : {}),
    ...(rotation.assurance === undefined ? {} : { assurance: rotation.assurance }),
    ...(rotation.from === undefined ? {} : { userAgent: rotation.from.userAgent }),
  };
  return table.change(session, changes, 'rotated', noted(note), now);
}

/** The token that a rotation replaces, with the rights that it had. */
function previousOf(session: SessionRecord, { hasSuccessor }: { readonly hasSuccessor: boolean }): PreviousToken {
  const { tokenDigest: digest, assurance, authenticatedAt } = session;
  return { digest, assurance, authenticatedAt, hasSuccessor };
}
