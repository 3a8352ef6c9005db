/** Any numbers that nothing else in the database is likely to lock. */
const LOCKS = {
  events: '4907733186221938462',
  questions: '4907733186221938463',
  restored: '4907733186221938464',
  cleanup: '4907733186221938465',
  locks: '4907733186221938466',
};

/** One node at a time is at a task: the lock belongs to the statement's transaction, and whoever finds it taken goes. */
export const turnAt = (task: keyof typeof LOCKS): string =>
  `turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${LOCKS[task]}) AS mine)`;
export const MY_TURN = '(SELECT mine FROM turn)';
