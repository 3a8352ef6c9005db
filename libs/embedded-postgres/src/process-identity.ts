import { readFileSync } from 'node:fs';
import { codeOf } from './errors.js';

/** A process that is told apart from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the process's start; null where the system does not tell (no /proc). */
  readonly startTime: string | null;
}

/** Who runs under `pid` now, or undefined when nobody does. A zombie counts as nobody. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: somebody lives there who belongs to another user.
    if (codeOf(error) !== 'EPERM') return undefined;
  }
  const stat = readStat(pid);
  if (!stat) return { pid, startTime: null };
  return stat.state === 'Z' || stat.state === 'X' ? undefined : { pid, startTime: stat.startTime };
}

/** Whether this very process still runs; not another that got its pid. */
export function isRunning(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  if (!now) return false;
  return identity.startTime === null || now.startTime === null || identity.startTime === now.startTime;
}

function readStat(pid: number): { state: string; startTime: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state !== undefined && startTime !== undefined ? { state, startTime } : undefined;
}
