import { Inject, Injectable, Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { looserThan } from '../../core/assurance-lifetimes.js';
import { IdentitySessionError } from '../../core/errors.js';
import { layerSettings, type SessionSettings, type SettingsKeeper } from '../../core/settings.js';
import { EVERYBODY, type SessionScope, type SessionStore } from '../../store/session-store.js';
import {
  keepsSettings,
  type LoggedSettings,
  type SessionSettingsStore,
  type SettingsChange,
  type StoredSettings,
} from '../../store/settings-store.js';
import type { HintPublisher } from '../../sync/hints.js';
import { HINTS, RESOLVED_OPTIONS, SESSION_STORE } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionWriter } from '../sign-in/session-writer.js';
import { type EffectiveSettings, effectiveSettings } from './effective-settings.js';
import { invalidSettings, parseSettings, SETTINGS_FORMAT } from './settings-schema.js';
import { settingsTenantOf } from './settings-tenant.js';
import { keeperOf, readLayer, SignInRulebook } from './sign-in-rules.js';
import { looserFields } from './tenant-bounds.js';

/** Tenants that an error names, where a change for everybody would break theirs, and lifetimes that a warning names. */
const MOST_NAMED = 5;
const MOST_HISTORY = 200;

export interface SettingsQuery {
  /** Absent or `null`: everybody, or, within the scope of a tenant, that. */
  readonly tenantId?: string | null | undefined;
  /** The most that may be seen or changed. */
  readonly scope?: SessionScope;
}

export interface ResetSettingsInput extends SettingsQuery {
  /** The version that the change is made over, as `find` told it; 0 where nothing was ever stored. */
  readonly version: number;
  /** Kept with the settings and in the log. */
  readonly reason: string;
  /** The administrator's user id, or what part of the system does it. */
  readonly by: string | null;
  /** Makes it part of this manager's transaction. */
  readonly manager?: EntityManager;
}

export interface ChangeSettingsInput extends ResetSettingsInput {
  /** Takes the place of everything that is stored for the tenant, or for everybody. */
  readonly settings: SessionSettings;
}

/** What is stored, and what it comes to. */
export interface SettingsView {
  /** `null` for everybody. */
  readonly tenantId: string | null;
  /** For the next change; 0 where nothing was ever stored. */
  readonly version: number;
  /** `null` where nothing is stored. */
  readonly stored: SessionSettings | null;
  /** False where another version of the module, or somebody by hand, has stored what this one cannot use. */
  readonly isUsable: boolean;
  /** `all` where administrators of everybody keep them, `tenant` where the tenant's own do; `null` without any. */
  readonly keptBy: SettingsKeeper | null;
  readonly changedAt: Date | null;
  readonly changedBy: string | null;
  readonly reason: string | null;
  /** What decides about the next sign-in. */
  readonly effective: EffectiveSettings;
  /** A line for each lifetime of it that is above what the configured `assuranceLevel` allows (`aal1` without one). */
  readonly warnings: readonly string[];
}

/** One change of settings; `null` means that nothing was stored. */
export interface SettingsHistoryItem {
  readonly tenantId: string | null;
  readonly version: number;
  readonly at: Date;
  readonly by: string | null;
  readonly reason: string;
  readonly before: SessionSettings | null;
  readonly after: SessionSettings | null;
}

/**
 * Strategy, limits and lifetimes that change without a deploy, for everybody and for single tenants: defaults, then
 * configuration, then what is stored for everybody, then for the tenant. A change decides about the next sign-in on every
 * node once it has resolved: sign-ins read it in the transaction that decides about them. Sessions that live keep their
 * limits in time; they count against a new limit in number with the next sign-in of their user.
 */
@Injectable()
export class SessionSettingsService {
  readonly #logger = new Logger('IdentitySession');

  constructor(
    @Inject(SESSION_STORE) private readonly store: SessionStore,
    @Inject(SessionWriter) private readonly writer: SessionWriter,
    @Inject(SignInRulebook) private readonly rulebook: SignInRulebook,
    @Inject(HINTS) private readonly hints: HintPublisher,
    @Inject(RESOLVED_OPTIONS)
    private readonly options: Pick<ResolvedOptions, 'policy' | 'givenLifetimes' | 'assuranceLevel' | 'warnings'>,
  ) {}

  /**
   * What is stored for a tenant or for everybody, and what decides about the next sign-in there.
   * @throws IdentitySessionError `FORBIDDEN` for what goes beyond `scope`, `VALIDATION_FAILED`
   */
  async find({ tenantId: asked, scope = EVERYBODY }: SettingsQuery = {}): Promise<SettingsView> {
    const tenantId = settingsTenantOf(asked, scope);
    return this.#viewOf(tenantId, await settingsOf(this.store).findSettings(tenantId));
  }

  /**
   * Stores settings, in place of what was stored for the same. What a tenant's own administrators store (`scope` of a
   * tenant) can only tighten what holds for everybody, now and later. Lifetimes above what the configured `assuranceLevel`
   * allows are stored, as they would be configured, and told of in the log and in `warnings`.
   *
   * @throws IdentitySessionError `VALIDATION_FAILED` for settings that cannot work, here or with a tenant's;
   * `SETTINGS_CONFLICT` where somebody has changed them since `version`; `FORBIDDEN` for what goes beyond `scope`, for a
   * tenant's administrators also where it is looser than what holds for everybody, or in place of what administrators of
   * everybody have stored; `SESSION_STORE_UNAVAILABLE`. Nothing has changed then.
   */
  async change(input: ChangeSettingsInput): Promise<SettingsView> {
    return this.#change(input, parseSettings(input.settings));
  }

  /**
   * Takes stored settings back: what is below them counts again.
   * @throws as `change` does; `SETTINGS_CONFLICT` also where nothing is stored
   */
  async reset(input: ResetSettingsInput): Promise<SettingsView> {
    return this.#change(input, null);
  }

  /**
   * The latest changes, newest first, as far back as the log is kept; at most 200.
   * @throws as `find` does
   */
  async history(query: SettingsQuery & { readonly limit?: number } = {}): Promise<SettingsHistoryItem[]> {
    const tenantId = settingsTenantOf(query.tenantId, query.scope ?? EVERYBODY);
    const limit = Math.min(query.limit ?? 50, MOST_HISTORY);
    return (await settingsOf(this.store).settingsHistory(tenantId, limit)).map(historyItem);
  }

  async #change(input: ResetSettingsInput, settings: SessionSettings | null): Promise<SettingsView> {
    const { scope = EVERYBODY, reason, by } = input;
    const tenantId = settingsTenantOf(input.tenantId, scope);
    const keeper: SettingsKeeper = scope.kind === 'all' ? 'all' : 'tenant';
    const change = { tenantId, overVersion: input.version, format: SETTINGS_FORMAT, settings, keeper };
    const { outcome, others } = await this.writer.write(
      input.manager,
      async (store) => {
        const keeping = settingsOf(store);
        const done = await keeping.changeSettings(change, { reason, by }, (stored) => {
          this.#check(change, stored);
        });
        return { outcome: done, others: tenantId === null ? [] : await keeping.findSettings(null) };
      },
      () => [],
      () => {
        this.hints.publish();
      },
    );
    if (outcome.kind === 'conflict') throw conflict(outcome.version);
    const view = this.#viewOf(tenantId, [...others, outcome.stored]);
    this.#tellLooser(view);
    return view;
  }

  /** What the configuration itself has was told of at start. */
  #tellLooser({ tenantId, version, warnings }: SettingsView): void {
    const looser = warnings.filter((warning) => !this.options.warnings.includes(warning));
    if (looser.length === 0) return;
    const whose = tenantId === null ? 'everybody' : `tenant ${JSON.stringify(tenantId)}`;
    this.#logger.warn(
      `The settings of ${whose} (version ${version}) are looser than they should be in ${looser.length} points: ` +
        JSON.stringify(looser.slice(0, MOST_NAMED)),
    );
  }

  /** Under the lock of settings: what is checked here is true of what is stored next to it. */
  #check(change: SettingsChange, stored: readonly StoredSettings[]): void {
    const present = stored.find(({ tenantId }) => tenantId === change.tenantId);
    if (change.keeper === 'tenant') this.#checkRights(change, stored, present);
    if (change.settings === null) {
      if ((present?.settings ?? null) === null) throw conflict(present?.version ?? 0, 'There is nothing to take back.');
    }
    const changed = { version: 0, at: 0, reason: '', by: null, ...change };
    const global = change.tenantId === null ? changed : stored.find(({ tenantId }) => tenantId === null);
    const below = global === undefined ? [] : [global];
    const tenants = change.tenantId === null ? stored.filter(({ tenantId }) => tenantId !== null) : [changed];
    const problems = this.#problemsOf(below);
    for (const tenant of problems.length > 0 ? [] : tenants) {
      const whose = change.tenantId === null ? `with the settings of tenant ${JSON.stringify(tenant.tenantId)}: ` : '';
      problems.push(...this.#problemsOf([...below, tenant]).map((problem) => whose + problem));
    }
    if (problems.length === 0) return;
    throw invalidSettings(problems.slice(0, MOST_NAMED).map((message) => ({ field: 'settings.lifetimes', message })));
  }

  #checkRights(change: SettingsChange, stored: readonly StoredSettings[], present: StoredSettings | undefined): void {
    if (present !== undefined && present.settings !== null && keeperOf(present) === 'all') {
      throw new IdentitySessionError(
        'FORBIDDEN',
        'These settings were made by an administrator of everybody, who alone may change them or take them back.',
      );
    }
    const rules = this.rulebook.rulesFor(
      this.#configuredPolicy(),
      stored.filter(({ tenantId }) => tenantId === null),
    );
    const looser = looserFields(change.settings ?? {}, rules);
    if (looser.length > 0) {
      throw new IdentitySessionError(
        'FORBIDDEN',
        `A tenant's settings can only tighten what holds for everybody; looser: ${looser.join(', ')}.`,
      );
    }
  }

  /** What is wrong with lifetimes where all of these hold; rows that nobody can read hold for nobody. */
  #problemsOf(stored: readonly StoredSettings[]): string[] {
    const layers = stored.flatMap((settings) => (isUsable(settings) ? [readLayer(settings)] : []));
    const problems: string[] = [];
    layerSettings({ policy: [], lifetimes: this.options.givenLifetimes }, layers, (lifetimes) => {
      problems.push(...this.rulebook.problemsOf(lifetimes));
      return true;
    });
    return problems;
  }

  #viewOf(tenantId: string | null, stored: readonly StoredSettings[]): SettingsView {
    const own = stored.find((settings) => settings.tenantId === tenantId);
    const isStored = own !== undefined && own.settings !== null;
    const isChosen =
      typeof this.options.policy === 'function' &&
      !stored.some((one) => isUsable(one) && keeperOf(one) === 'all' && readLayer(one).settings.strategy !== undefined);
    const effective = effectiveSettings(this.rulebook.rulesFor(this.#configuredPolicy(), stored), isChosen);
    return {
      tenantId,
      version: own?.version ?? 0,
      stored: isStored ? (own.settings as SessionSettings) : null,
      isUsable: !isStored || isUsable(own),
      keptBy: isStored ? keeperOf(own) : null,
      changedAt: own === undefined ? null : new Date(own.at),
      changedBy: own?.by ?? null,
      reason: own?.reason ?? null,
      effective,
      warnings: looserThan(this.options.assuranceLevel ?? 'aal1', effective.lifetimes),
    };
  }

  #configuredPolicy() {
    const { policy } = this.options;
    return typeof policy === 'function' ? [] : policy;
  }
}

function isUsable(stored: StoredSettings): boolean {
  if (stored.settings === null) return false;
  try {
    readLayer(stored);
    return true;
  } catch {
    return false;
  }
}

function settingsOf(store: SessionStore): SessionSettingsStore {
  if (keepsSettings(store)) return store;
  throw new IdentitySessionError('CONFIGURATION_INVALID', 'The store of the application keeps no settings.');
}

function conflict(version: number, detail = 'The settings were changed meanwhile. Read them and decide anew.') {
  return new IdentitySessionError('SETTINGS_CONFLICT', detail, { extensions: { version } });
}

function historyItem({ at, before, after, ...rest }: LoggedSettings): SettingsHistoryItem {
  return {
    ...rest,
    at: new Date(at),
    before: before ?? null,
    after: after ?? null,
  };
}
