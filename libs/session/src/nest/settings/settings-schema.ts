import { z } from 'zod';
import { IdentitySessionError } from '../../core/errors.js';
import type { GivenLimits } from '../../core/lifetime-rules.js';
import { POLICY_PRESETS, type PolicyPresetName } from '../../core/policy-presets.js';
import { validatePolicy } from '../../core/policy.js';
import { DEVICE_TYPES } from '../../core/session.js';
import { PRESETS_WITH_LIMIT, type SessionSettings, strategyOf } from '../../core/settings.js';
import { storableJson } from '../../store/storable-data.js';
import { isStorableIdentifier } from '../../store/storable-text.js';
import { LIFETIMES_SCHEMA } from '../options/lifetimes-schema.js';

/** Of what is stored. Raise it with any change that an older node would read otherwise. */
export const SETTINGS_FORMAT = 1;

/** Whoever signs in must have the time to take settings back, administrators too. */
const LEAST_ABSOLUTE_MS = 60_000;
const MOST_RULES = 20;
const MOST_CLIENTS = 200;

const LIMIT = z.int().min(1).max(1_000_000);
const RULE = z.strictObject({
  scope: z.enum(['subject', 'deviceType', 'client']),
  limit: z.union([LIMIT, z.partialRecord(z.enum(DEVICE_TYPES as [string, ...string[]]), LIMIT)]),
  whenFull: z.enum(['evict-oldest', 'evict-least-recently-used', 'evict-all', 'reject', 'ask']),
});

/** Unknown keys are refused: a misspelt limit must not become no limit. */
export const SETTINGS_SCHEMA = z.strictObject({
  strategy: z
    .union([
      z.enum(Object.keys(POLICY_PRESETS) as [PolicyPresetName, ...PolicyPresetName[]]),
      z.array(RULE).max(MOST_RULES),
    ])
    .describe('A preset, or rules that all hold at once')
    .optional(),
  limit: LIMIT.describe('Of a preset that reads one').optional(),
  lifetimes: LIFETIMES_SCHEMA.optional(),
});

type FieldError = { readonly field: string; readonly message: string };

/**
 * Settings as an administrator gives them, checked by themselves: not yet against what they are laid over.
 * @throws IdentitySessionError `VALIDATION_FAILED` with every problem by field
 */
export function parseSettings(given: unknown): SessionSettings {
  const plain = storableJson(given, 'settings');
  const parsed = SETTINGS_SCHEMA.safeParse(plain);
  if (!parsed.success) throw invalidSettings(parsed.error.issues.flatMap((issue) => errorsOf(issue, ['settings'])));
  const settings = parsed.data as SessionSettings;
  const errors = [...limitErrors(settings), ...clientErrors(settings), ...lifetimeErrors(settings)];
  if (errors.length > 0) throw invalidSettings(errors);
  try {
    validatePolicy(strategyOf(settings) ?? []);
  } catch (error) {
    if (!(error instanceof IdentitySessionError)) throw error;
    throw invalidSettings([{ field: 'settings.strategy', message: error.message }]);
  }
  return settings;
}

export function invalidSettings(errors: readonly FieldError[]): IdentitySessionError {
  const told = errors.slice(0, 20);
  const detail = told.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new IdentitySessionError(
    'VALIDATION_FAILED',
    `The settings are not valid, and nothing was changed. ${detail}`,
    {
      errors: told,
    },
  );
}

function limitErrors({ strategy, limit }: SessionSettings): FieldError[] {
  const readsLimit = PRESETS_WITH_LIMIT.some((name) => name === strategy);
  if (limit === undefined || readsLimit) return [];
  const message = `belongs to a strategy that reads it: ${PRESETS_WITH_LIMIT.join(', ')}; rules have their own`;
  return [{ field: 'settings.limit', message }];
}

function clientErrors({ lifetimes }: SessionSettings): FieldError[] {
  const field = 'settings.lifetimes.clients';
  const ids = Object.keys(lifetimes?.clients ?? {});
  return [
    ...(ids.length > MOST_CLIENTS ? [{ field, message: `has more than ${MOST_CLIENTS} clients` }] : []),
    ...(ids.every(isStorableIdentifier) ? [] : [{ field, message: 'has an id that no client can have' }]),
  ];
}

function lifetimeErrors({ lifetimes = {} }: SessionSettings): FieldError[] {
  const { rememberMe, clients = {} } = lifetimes;
  const given: [string, GivenLimits | undefined][] = [
    ['', lifetimes],
    ['.rememberMe', rememberMe],
    ...Object.entries(clients).map(([id, own]): [string, GivenLimits] => [`.clients.${id}`, own]),
  ];
  return given
    .filter(([, limits]) => (limits?.absoluteLifetimeMs ?? LEAST_ABSOLUTE_MS) < LEAST_ABSOLUTE_MS)
    .map(([where]) => ({
      field: `settings.lifetimes${where}.absoluteLifetimeMs`.slice(0, 200),
      message: `must be at least ${LEAST_ABSOLUTE_MS} (milliseconds): nobody could stay signed in to take it back`,
    }));
}

/** Of alternatives, what is wrong with the one that was meant: a list by its entries, anything else as a whole. */
function errorsOf(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): FieldError[] {
  const path = [...at, ...issue.path];
  const field = path.map(String).join('.').slice(0, 200);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: `${field}.${key}`.slice(0, 200), message: 'is not known here' }));
  }
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.find((problems) => problems.some(({ path: deeper }) => deeper.length > 0));
    if (inner !== undefined) return inner.flatMap((one) => errorsOf(one, path));
    return [{ field, message: issue.errors.map((problems) => problems[0]?.message).join(', or ') }];
  }
  return [{ field, message: issue.message }];
}
