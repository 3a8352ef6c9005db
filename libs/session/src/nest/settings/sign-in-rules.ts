import { Inject, Injectable, Logger } from '@nestjs/common';
import { IdentitySessionError } from '../../core/errors.js';
import type { LifetimeRules } from '../../core/expiry.js';
import { idleProblems } from '../../core/lifetime-rules.js';
import type { ConcurrentLoginPolicy } from '../../core/policy.js';
import {
  layerSettings,
  type SettingsKeeper,
  type SettingsLayer,
  signInLifetimes,
  type SignInRules,
} from '../../core/settings.js';
import type { AdmissionTerms } from '../../store/session-store.js';
import type { StoredSettings } from '../../store/settings-store.js';
import { RESOLVED_OPTIONS } from '../module/tokens.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { parseSettings, SETTINGS_FORMAT } from './settings-schema.js';

/** Rows that a node remembers the last good settings of, and has told of. */
const MOST_REMEMBERED = 1_000;

/** A layer with what it was read from. */
type ReadLayer = SettingsLayer & { readonly stored: StoredSettings };

/**
 * What decides about sign-ins: configuration with stored settings over it. Never fails: what cannot be used is told once
 * in the log, and what this node could read last counts in its place, or else what is below it.
 */
@Injectable()
export class SignInRulebook {
  readonly #logger = new Logger('IdentitySession');
  /** By tenant; `null` for everybody. */
  readonly #lastGood = new Map<string | null, ReadLayer>();
  readonly #told = new Set<string>();

  constructor(
    @Inject(RESOLVED_OPTIONS)
    private readonly options: Pick<ResolvedOptions, 'givenLifetimes' | 'syncIntervalMs' | 'idleMarginMs'>,
  ) {}

  /** The rules under what is stored, first for everybody. `policy` is the one that is configured. */
  rulesFor(policy: ConcurrentLoginPolicy, stored: readonly StoredSettings[]): SignInRules {
    const layers = stored.flatMap((settings) => this.#layerOf(settings) ?? []);
    return layerSettings({ policy, lifetimes: this.options.givenLifetimes }, layers, (lifetimes, layer) => {
      const [problem] = this.problemsOf(lifetimes);
      if (problem !== undefined) this.#tell((layer as ReadLayer).stored, problem);
      return problem === undefined;
    });
  }

  /** What an admission asks under its lock. */
  termsFor(
    policy: ConcurrentLoginPolicy,
    clientId: string | null,
    rememberMe: boolean,
  ): (stored: readonly StoredSettings[]) => AdmissionTerms {
    return (stored) => {
      const rules = this.rulesFor(policy, stored);
      return { policy: rules.policy, ...signInLifetimes(rules, clientId, rememberMe) };
    };
  }

  /** What is wrong with lifetimes as this node writes accesses. */
  problemsOf(lifetimes: LifetimeRules): string[] {
    return idleProblems(lifetimes, this.options.syncIntervalMs, this.options.idleMarginMs);
  }

  #layerOf(stored: StoredSettings): ReadLayer | undefined {
    const { tenantId } = stored;
    if (stored.settings === null) {
      this.#lastGood.delete(tenantId);
      return undefined;
    }
    const last = this.#lastGood.get(tenantId);
    try {
      const layer = readLayer(stored);
      if (last === undefined && this.#lastGood.size >= MOST_REMEMBERED) this.#lastGood.clear();
      this.#lastGood.set(tenantId, layer);
      return layer;
    } catch (error) {
      this.#tell(stored, error instanceof Error ? error.message : String(error));
      return last;
    }
  }

  #tell({ tenantId, version }: StoredSettings, problem: string): void {
    const key = `${tenantId ?? '*'}:${version}:${problem}`;
    if (this.#told.has(key) || this.#told.size >= MOST_REMEMBERED) return;
    this.#told.add(key);
    const whose = tenantId === null ? 'everybody' : `tenant ${JSON.stringify(tenantId)}`;
    // Names in it are anybody's: quoted, they stay on their line.
    this.#logger.warn(
      `The stored settings of ${whose} (version ${version}) cannot be used; the last good ones count, or what is ` +
        `configured. Change them, or take them back. ${JSON.stringify(problem)}`,
    );
  }
}

/**
 * The settings of a row, checked as if they had just been given.
 * @throws Error where they are of another format, or not valid
 */
export function readLayer(stored: StoredSettings): ReadLayer {
  if (stored.format !== SETTINGS_FORMAT) {
    throw new IdentitySessionError(
      'CONFIGURATION_INVALID',
      `They are of format ${stored.format}, and this node knows ${SETTINGS_FORMAT}.`,
    );
  }
  return { settings: parseSettings(stored.settings), keeper: keeperOf(stored), stored };
}

/** Whoever it is who is not known here cannot have been given more than a tenant. */
export function keeperOf({ keeper }: StoredSettings): SettingsKeeper {
  return keeper === 'all' ? 'all' : 'tenant';
}
