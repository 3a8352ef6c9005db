import type { SettingsKeeper } from '../core/settings.js';
import type { Admission, AdmissionTerms, ChangeNote } from './session-store.js';

/** Settings as they are stored. What is in them is checked by whoever uses them: another version may have written it. */
export interface StoredSettings {
  /** `null` for those of everybody. */
  readonly tenantId: string | null;
  /** Raised by each change, also by the one that takes the settings back. */
  readonly version: number;
  /** Of `settings`; a node leaves alone what it does not know. */
  readonly format: number;
  /** `null` once they were taken back. */
  readonly settings: unknown;
  readonly keeper: string;
  /** When they were changed, in milliseconds on the store's clock. */
  readonly at: number;
  readonly reason: string;
  readonly by: string | null;
}

export interface SettingsChange {
  readonly tenantId: string | null;
  /** The version that the change is made over; 0 where nothing was ever stored. */
  readonly overVersion: number;
  readonly format: number;
  /** A JSON object, or `null` to take the settings back. */
  readonly settings: object | null;
  readonly keeper: SettingsKeeper;
}

export type SettingsOutcome =
  | { readonly kind: 'changed'; readonly stored: StoredSettings }
  /** Somebody else was first; nothing has changed. */
  | { readonly kind: 'conflict'; readonly version: number };

/** One change of settings, as the log has it. */
export interface LoggedSettings {
  readonly tenantId: string | null;
  readonly version: number;
  readonly at: number;
  readonly reason: string;
  readonly by: string | null;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * What a store that keeps settings can do; not every store does. Such a store gives `Admission.terms` the settings of the
 * sign-in's tenant, as of the moment of its decision.
 */
export interface SessionSettingsStore {
  /** What is stored for everybody and, with a tenant, for that: in this order, also where it was taken back. */
  findSettings(tenantId: string | null): Promise<readonly StoredSettings[]>;
  /**
   * Changes settings and logs it, in one transaction and one change at a time. `check` is given what is stored, for
   * everybody and the tenant, or, for a change of everybody's, for all tenants; what it throws leaves everything as it is.
   */
  changeSettings(
    change: SettingsChange,
    note: ChangeNote,
    check: (stored: readonly StoredSettings[]) => void,
  ): Promise<SettingsOutcome>;
  /** The latest changes of one tenant's settings, or of everybody's, newest first; as far back as the log is kept. */
  settingsHistory(tenantId: string | null, limit: number): Promise<readonly LoggedSettings[]>;
}

/** True for a store that keeps settings. */
export function keepsSettings<TStore extends object>(store: TStore): store is TStore & SessionSettingsStore {
  return 'findSettings' in store && 'changeSettings' in store && 'settingsHistory' in store;
}

/** The admission under the settings that are stored for it, first those of everybody. */
export function underSettings<T extends AdmissionTerms & Pick<Admission, 'terms'>>(
  admission: T,
  stored: readonly StoredSettings[],
): T {
  return admission.terms === undefined ? admission : { ...admission, ...admission.terms(stored) };
}
