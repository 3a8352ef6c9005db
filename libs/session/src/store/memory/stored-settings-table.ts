import type { LoggedSettings, SettingsChange, SettingsOutcome, StoredSettings } from '../settings-store.js';
import type { EventNote } from './session-event.js';

/** Settings of everybody and of tenants, and what they were before. */
export class StoredSettingsTable {
  /** By tenant; `null` for everybody. */
  readonly #stored = new Map<string | null, StoredSettings>();
  /** Oldest first. */
  readonly #history: LoggedSettings[] = [];

  for(tenantId: string | null): readonly StoredSettings[] {
    return [...new Set([null, tenantId])].flatMap((id) => this.#stored.get(id) ?? []);
  }

  change(
    { tenantId, overVersion, format, settings, keeper }: SettingsChange,
    { reason, actor }: Omit<EventNote, 'context'>,
    check: (stored: readonly StoredSettings[]) => void,
    at: number,
  ): SettingsOutcome {
    const present = this.#stored.get(tenantId);
    const version = present?.version ?? 0;
    if (version !== overVersion) return { kind: 'conflict', version };
    check(tenantId === null ? [...this.#stored.values()] : this.for(tenantId));
    const stored: StoredSettings = Object.freeze({
      tenantId,
      version: version + 1,
      format,
      settings: jsonCopy(settings),
      keeper,
      at,
      reason: reason ?? 'unspecified',
      by: actor,
    });
    this.#stored.set(tenantId, stored);
    const { reason: why, by } = stored;
    const before = present?.settings ?? null;
    this.#history.push({ tenantId, version: stored.version, at, reason: why, by, before, after: stored.settings });
    return { kind: 'changed', stored };
  }

  /** The longest absolute lifetime in any of them; 0 without one. */
  longestLifetimeMs(): number {
    return Math.max(0, ...[...this.#stored.values()].flatMap(({ settings }) => absoluteLifetimesIn(settings)));
  }

  history(tenantId: string | null, limit: number): readonly LoggedSettings[] {
    return this.#history
      .filter((change) => change.tenantId === tenantId)
      .slice(-limit)
      .reverse();
  }
}

function absoluteLifetimesIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    key === 'absoluteLifetimeMs' && typeof inner === 'number' ? [inner] : absoluteLifetimesIn(inner),
  );
}

/** Through text, so that a test in memory meets what a database would make of it. */
function jsonCopy(value: object | null): unknown {
  return JSON.parse(JSON.stringify(value), (_key, inner: unknown) => Object.freeze(inner)) as unknown;
}
