import type { DeviceType, SessionRecord } from '../../core/session.js';
import { type KnownNode, MOST_KINDS_COUNTED, type NodeBeat, type SessionCounts } from '../session-statistics.js';

const DAY_MS = 86_400_000;

/** Counts sessions as everybody sees them; `live` are those that are over neither by their row nor by the clock. */
export function countsOf(
  sessions: readonly SessionRecord[],
  isLive: (session: SessionRecord) => boolean,
  now: number,
): SessionCounts {
  const live = sessions.filter(isLive);
  const ended = sessions.filter(({ endedAt }) => endedAt !== null && endedAt > now - DAY_MS);
  return {
    live: live.length,
    byDeviceType: byKind<DeviceType>(live.map(({ deviceType }) => deviceType)),
    byClient: byKind(live.map(({ clientId }) => clientId ?? '')),
    signedInLast24h: sessions.filter(({ createdAt }) => createdAt > now - DAY_MS).length,
    endedLast24h: byKind(ended.map(({ endReason }) => endReason ?? 'unspecified')),
  };
}

function byKind<K extends string>(kinds: readonly K[]): Readonly<Record<K, number>> {
  const counts = new Map<K, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_KINDS_COUNTED);
  return Object.fromEntries(most) as Record<K, number>;
}

/** The nodes that have been heard of. */
export class StoredNodes {
  readonly #nodes = new Map<string, KnownNode & { readonly seenAt: number }>();

  note({ id, uptimeMs, ...beat }: NodeBeat, goneAfterMs: number, now: number): void {
    for (const [other, { seenAt }] of this.#nodes) if (seenAt <= now - goneAfterMs) this.#nodes.delete(other);
    const startedAt = this.#nodes.get(id)?.startedAt ?? now - uptimeMs;
    this.#nodes.set(id, { ...beat, startedAt, seenAt: now });
  }

  forget(id: string): void {
    this.#nodes.delete(id);
  }

  list(goneAfterMs: number, now: number): KnownNode[] {
    return [...this.#nodes.values()]
      .filter(({ seenAt }) => seenAt > now - goneAfterMs)
      .map(({ seenAt: _seenAt, ...node }) => node)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
