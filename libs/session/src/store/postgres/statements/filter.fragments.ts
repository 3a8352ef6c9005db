import { isLive, type SessionStatus } from '../../../core/lifecycle.js';
import type { SessionFilter } from '../../session-store.js';
import { tenantColumn } from '../session-row.js';
import { AFTER_EVERYBODY, NOT_CUT_OFF, NOT_CUT_OFF_IN_SCAN } from './cut-off.fragments.js';
import { hasRunOut, LIVE, type Parameters, scopeCondition } from './fragments.js';

/** The condition of a filter, its scope included, as SQL over `s`. */
export function filterCondition(filter: SessionFilter, parameters: Parameters): string {
  const all = [conditionWithoutStatus(filter, parameters)];
  if (filter.status !== undefined) all.push(statusCondition(filter.status, filter.ids === undefined, parameters));
  return all.join(' AND ');
}

/** All but the status. */
export function conditionWithoutStatus(filter: SessionFilter, parameters: Parameters): string {
  const all = [scopeCondition(filter.scope, parameters)];
  if (filter.protectedWithin === null) all.push(mostly('NOT s.is_protected'));
  else if (filter.protectedWithin !== undefined) {
    all.push(mostly(`(NOT s.is_protected OR ${scopeCondition(filter.protectedWithin, parameters)})`));
  }
  if (filter.ids !== undefined) all.push(`s.id = ANY (${parameters.add(filter.ids, 'uuid[]')})`);
  if (filter.exceptIds !== undefined) all.push(`s.id <> ALL (${parameters.add(filter.exceptIds, 'uuid[]')})`);
  if (filter.afterId !== undefined) all.push(`s.id > ${parameters.add(filter.afterId, 'uuid')}`);
  if (filter.createdUntil !== undefined) {
    // Nearly all of them are: a range would have the planner take a part of the index by creation for the shortest way.
    const until = `to_timestamp(${parameters.add(filter.createdUntil, 'float8')} / 1000)::timestamptz(3)`;
    all.push(mostly(`s.created_at <= ${until}`));
  }
  if (filter.tenantId !== undefined) {
    all.push(`s.tenant_id = ${parameters.add(tenantColumn(filter.tenantId), 'text')}`);
    if (filter.tenantId !== null) all.push(`s.tenant_id <> ''`);
  }
  if (filter.userId !== undefined) all.push(`s.user_id = ${parameters.add(filter.userId, 'text')}`);
  if (filter.clientId === null) all.push('s.client_id IS NULL');
  else if (filter.clientId !== undefined) all.push(`s.client_id = ${parameters.add(filter.clientId, 'text')}`);
  if (filter.deviceType !== undefined) all.push(`s.device_type = ${parameters.add(filter.deviceType, 'text')}`);
  if (filter.ip !== undefined) {
    const ip = parameters.add(filter.ip, 'text');
    all.push(`(s.initial_ip = ${ip} OR s.last_ip = ${ip})`);
  }
  if (filter.holdsSlot === true) all.push('s.holds_slot');
  if (filter.q !== undefined) all.push(prefixCondition(filter.q, parameters));
  return all.join(' AND ');
}

/** By the status that the session reads as: what is cut off is revoked, whatever its row says. */
function statusCondition(status: SessionStatus | 'live' | 'unended', isScan: boolean, parameters: Parameters): string {
  if (status === 'revoked') return `(s.status = 'revoked' OR (${LIVE} AND NOT ${NOT_CUT_OFF}))`;
  const is = status === 'live' || status === 'unended' ? LIVE : `s.status = ${parameters.add(status, 'text')}`;
  if (status !== 'live' && status !== 'unended' && !isLive(status)) return is;
  return [
    is,
    notCutOff(isScan),
    ...(status === 'live' || status === 'active' ? [mostly(`NOT ${hasRunOut('statement_timestamp()')}`)] : []),
  ].join(' AND ');
}

/** True for live sessions `s` that no cut-off ends. */
export function notCutOff(isScan: boolean): string {
  return isScan ? `${mostly(NOT_CUT_OFF_IN_SCAN)} AND ${AFTER_EVERYBODY}` : NOT_CUT_OFF;
}

/**
 * A condition that nearly all rows meet, in a form for which the planner expects that: it would take a third or less for
 * what it has no statistics of, and read and sort all rows where a page of them lies ready in an index.
 */
function mostly(condition: string): string {
  return `CASE WHEN ${condition} THEN 1 ELSE 0 END <> 0`;
}

function prefixCondition(prefix: string, parameters: Parameters): string {
  const like = parameters.add(likePrefix(prefix), 'text');
  const ids = idRange(prefix, parameters);
  const texts = `s.user_id LIKE ${like} OR s.initial_ip LIKE ${like} OR s.last_ip LIKE ${like}`;
  return ids === undefined ? `(${texts})` : `(${ids} OR ${texts})`;
}

/** What begins with the text, whatever is in it. */
export function likePrefix(prefix: string): string {
  return `${prefix.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

const ID_FORM = '00000000-0000-0000-0000-000000000000';

/** The ids that begin with the text, as a range of the primary key; `undefined` where none does. */
export function idRange(prefix: string, parameters: Parameters): string | undefined {
  const fits =
    prefix.length <= ID_FORM.length &&
    Array.from(prefix).every((sign, index) => (ID_FORM[index] === '-' ? sign === '-' : /[0-9a-f]/.test(sign)));
  if (!fits) return undefined;
  const rest = ID_FORM.slice(prefix.length);
  const first = parameters.add(prefix + rest, 'uuid');
  const last = parameters.add(prefix + rest.replaceAll('0', 'f'), 'uuid');
  return `s.id BETWEEN ${first} AND ${last}`;
}
