import { DEVICE_TYPES, type DeviceType, type SessionFacts, type SessionRecord } from './session.js';
import { IdentitySessionError } from './errors.js';

/** What to do with a sign-in that finds its scope full. */
export type WhenFull = 'evict-oldest' | 'evict-least-recently-used' | 'evict-all' | 'reject' | 'ask';

/** One number for the scope, or one for each device type in it. Types that are not listed count under `other`. */
export type Limit = number | Readonly<Partial<Record<DeviceType, number>>>;

/**
 * What is counted together: all sessions of the subject, those on the same device type, those of the same client, or
 * whatever has the same key. A function must depend on nothing but the facts it is given.
 */
export type Scope = 'subject' | 'deviceType' | 'client' | ((session: SessionFacts) => string);

const WHEN_FULL: readonly string[] = ['evict-oldest', 'evict-least-recently-used', 'evict-all', 'reject', 'ask'];
const BUILT_IN_SCOPES: readonly string[] = ['subject', 'deviceType', 'client'];

/** At no instant are there more live sessions in the scope than the limit. */
export interface Constraint {
  /**
   * Names the constraint in stored scope keys; give one to functions, so that reordering a policy changes nothing.
   * Holds no colon and is not the name of a built-in scope.
   */
  readonly name?: string;
  readonly scope: Scope;
  readonly limit: Limit;
  readonly whenFull: WhenFull;
  /** Sessions for which it is true are neither limited nor counted nor ended by this constraint. */
  readonly exempt?: (session: SessionFacts) => boolean;
}

/** All constraints hold at once; none means unlimited. */
export type ConcurrentLoginPolicy = readonly Constraint[];

/** A live session that holds a slot, as the decision sees it. */
export type LiveSession = Pick<
  SessionRecord,
  'id' | 'sequence' | 'createdAt' | 'lastAccessedAt' | 'scopeKeys' | 'isProtected' | keyof SessionFacts
>;

/** Who comes in. The id of the newcomer is not among the live sessions. */
export type Candidate = SessionFacts & { readonly scopeKeys: readonly string[] };

/** What admission will do. `evict` is ordered: the first victim first. */
export type PolicyDecision =
  | { readonly kind: 'admit'; readonly evict: readonly string[] }
  | { readonly kind: 'reject'; readonly full: readonly string[] }
  | { readonly kind: 'ask'; readonly full: readonly string[]; readonly mustEnd: number };

/** Refuses a policy that cannot be meant, at boot or when a resolver returns it. */
export function validatePolicy(policy: ConcurrentLoginPolicy): ConcurrentLoginPolicy {
  const names = policy.map(constraintName);
  const twice = names.find(
    (name, index) => names.indexOf(name) !== index && typeof policy[index]?.scope === 'function',
  );
  if (twice !== undefined) throw invalid(`two constraints have the name "${twice}"; give each its own name`);
  for (const constraint of policy) {
    validateLimit(constraint.limit);
    validateName(constraint);
    validateWords(constraint);
  }
  return policy;
}

/** From JavaScript anything may come; a misspelt word must not mean another one. */
function validateWords({ scope, whenFull }: Constraint): void {
  if (!WHEN_FULL.includes(whenFull)) throw invalid(`whenFull "${whenFull}" is none of ${WHEN_FULL.join(', ')}`);
  if (typeof scope !== 'function' && !BUILT_IN_SCOPES.includes(scope)) {
    throw invalid(`scope "${scope}" is no function and none of ${BUILT_IN_SCOPES.join(', ')}`);
  }
}

function validateLimit(limit: Limit): void {
  const numbers = typeof limit === 'number' ? { limit } : limit;
  if (Object.keys(numbers).length === 0) throw invalid('a limit by device type names none');
  for (const [key, value] of Object.entries(numbers)) {
    if (typeof limit !== 'number' && !DEVICE_TYPES.includes(key as DeviceType)) {
      throw invalid(`"${key}" is no device type; use ${DEVICE_TYPES.join(', ')}`);
    }
    if (!Number.isInteger(value) || value < 1) {
      throw invalid(`the limit ${String(value)} must be a whole number of at least 1`);
    }
  }
}

/** Two constraints must never write the same scope key, whatever their functions return. */
function validateName({ name, scope }: Constraint): void {
  if (typeof scope !== 'function' || name === undefined) return;
  if (name.includes(':') || BUILT_IN_SCOPES.includes(name)) {
    throw invalid(`"${name}" cannot name a scope function; use another word, without a colon`);
  }
}

function invalid(what: string): IdentitySessionError {
  return new IdentitySessionError('CONFIGURATION_INVALID', `The concurrent login policy is not valid: ${what}.`);
}

/** The name under which a constraint's own scope function is stored. */
function constraintName(constraint: Constraint, position: number): string {
  return constraint.name ?? `custom${position}`;
}

/**
 * Every key that a session counts under, computed once at admission and stored with it. The three built-in scopes are
 * always there, so that a policy chosen later counts the sessions that were admitted before it.
 */
export function scopeKeysFor(policy: ConcurrentLoginPolicy, session: SessionFacts): string[] {
  const keys = new Set(['subject', builtInKey('deviceType', session), builtInKey('client', session)]);
  policy.forEach((constraint, position) => keys.add(scopeKey(constraint, position, session)));
  return [...keys];
}

function scopeKey(constraint: Constraint, position: number, session: SessionFacts): string {
  if (typeof constraint.scope !== 'function') return builtInKey(constraint.scope, session);
  return `${constraintName(constraint, position)}:${constraint.scope(session)}`;
}

function builtInKey(scope: 'subject' | 'deviceType' | 'client', session: SessionFacts): string {
  if (scope === 'subject') return 'subject';
  return scope === 'deviceType' ? `deviceType:${session.deviceType}` : `client:${session.clientId ?? ''}`;
}

/** Where the limit differs by device type, which number applies; `undefined` means not limited. */
function limitFor(
  limit: Limit,
  type: DeviceType,
): { readonly bucket: DeviceType | null; readonly max: number } | undefined {
  if (typeof limit === 'number') return { bucket: null, max: limit };
  const bucket = limit[type] === undefined ? 'other' : type;
  const max = limit[bucket];
  return max === undefined ? undefined : { bucket, max };
}

function inBucket(limit: Limit, bucket: DeviceType | null, session: LiveSession): boolean {
  return bucket === null || limitFor(limit, session.deviceType)?.bucket === bucket;
}

/**
 * Decides about one sign-in, given every live session of its subject. Pure and deterministic: the same input gives
 * the same victims on every node. The tightest constraint decides first (a lower limit, then the earlier position),
 * and later ones count what it left. A rejection beats a question, and a question beats an eviction. Protected sessions
 * count, but are never ended: where the others are not enough, it is a rejection.
 */
export function decide(
  policy: ConcurrentLoginPolicy,
  candidate: Candidate,
  live: readonly LiveSession[],
): PolicyDecision {
  const byTightness = policy
    .map((constraint, position) => ({
      constraint,
      position,
      applies: limitFor(constraint.limit, candidate.deviceType),
    }))
    .filter(({ constraint, applies }) => applies !== undefined && constraint.exempt?.(candidate) !== true)
    .sort((a, b) => (a.applies?.max ?? 0) - (b.applies?.max ?? 0) || a.position - b.position);

  const evicted = new Set<string>();
  let question: Extract<PolicyDecision, { kind: 'ask' }> | undefined;
  for (const { constraint, position, applies } of byTightness) {
    if (applies === undefined) continue;
    const key = scopeKey(constraint, position, candidate);
    const members = live.filter(
      (session) =>
        !evicted.has(session.id) &&
        session.scopeKeys.includes(key) &&
        inBucket(constraint.limit, applies.bucket, session) &&
        constraint.exempt?.(session) !== true,
    );
    const tooMany = members.length + 1 - applies.max;
    if (tooMany <= 0) continue;
    const victims = inVictimOrder(
      constraint.whenFull,
      members.filter(({ isProtected }) => !isProtected),
    );
    if (constraint.whenFull === 'reject' || victims.length < tooMany) {
      return { kind: 'reject', full: inVictimOrder(constraint.whenFull, members) };
    }
    if (constraint.whenFull === 'ask') question ??= { kind: 'ask', full: victims, mustEnd: tooMany };
    else for (const id of constraint.whenFull === 'evict-all' ? victims : victims.slice(0, tooMany)) evicted.add(id);
  }
  return question ?? { kind: 'admit', evict: [...evicted] };
}

/** Oldest first, or least recently used first; ties by the order of admission. */
function inVictimOrder(whenFull: WhenFull, members: readonly LiveSession[]): string[] {
  const age = (session: LiveSession) =>
    whenFull === 'evict-least-recently-used' ? session.lastAccessedAt : session.createdAt;
  return [...members]
    .sort((a, b) => age(a) - age(b) || a.createdAt - b.createdAt || a.sequence - b.sequence)
    .map((session) => session.id);
}

/**
 * The policy of a sign-in whose user has answered a question: the sessions that the user picked go first, oldest
 * first, and where they are not enough the oldest of the others follow. Nobody picks a protected one.
 */
export function answeredWith(
  policy: ConcurrentLoginPolicy,
  candidate: Candidate,
  live: readonly LiveSession[],
  picked: readonly string[],
): PolicyDecision {
  const isChosen = ({ id, isProtected }: LiveSession) => picked.includes(id) && !isProtected;
  const left = live.filter((session) => !isChosen(session));
  const rest = decide(
    policy.map((constraint) =>
      constraint.whenFull === 'ask' ? { ...constraint, whenFull: 'evict-oldest' } : constraint,
    ),
    candidate,
    left,
  );
  if (rest.kind !== 'admit') return rest;
  const chosen = live.filter(isChosen);
  return { kind: 'admit', evict: [...inVictimOrder('evict-oldest', chosen), ...rest.evict] };
}
