import type { SessionVerdict } from './session-verdict.js';

/**
 * The verdict, and where it is `SESSION_INVALID` not before `leastMs` have passed. What the database had to look up takes
 * longer where it finds something: without this, the time would tell which ids there are. The time is set before anything
 * is known, so that what is found out meanwhile cannot move it.
 *
 * @param asked never rejects
 */
export async function levelRefusals(asked: Promise<SessionVerdict>, leastMs: number): Promise<SessionVerdict> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, leastMs);
  });
  const verdict = await asked;
  if (verdict.error?.code === 'SESSION_INVALID') await passed;
  else clearTimeout(timer);
  return verdict;
}
