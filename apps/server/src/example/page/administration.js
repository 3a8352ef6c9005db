import { button, byId, element, onSubmit, request, tell, timeOf } from './page.js';

const LOOK_MS = 500;
const RUNS = ['awaiting_approval', 'running'];
const REASON = 'asked for on the example page';

const [section, found, history, matched, jobs] = ['administration', 'found', 'history', 'matched', 'jobs'].map(byId);
/** What is on the page of each job, by its id. */
const shown = new Map();
let me;
let looking;

/** For administrators; `account` is `undefined` for everybody else. */
export function showAdministration(account) {
  me = account;
  section.hidden = account === undefined;
  clearTimeout(looking);
  for (const part of [found, history, matched, jobs]) part.replaceChildren();
  shown.clear();
  if (account !== undefined) void look();
}

async function search(given) {
  const { items } = await request('GET', `/admin/sessions?${new URLSearchParams({ limit: 20, ...given })}`);
  found.replaceChildren(...(items.length === 0 ? [element('li', 'None.')] : items.map(resultOf)));
}

function resultOf({ id, userId, deviceName, deviceType, status }) {
  const step = (action) => async () => {
    const session = await request('POST', `/admin/sessions/${id}/${action}`, { reason: REASON });
    made.replaceWith(resultOf(session));
  };
  const made = element('li', element('strong', deviceName ?? deviceType), ` – ${status} – user ${userId} `);
  if (status === 'active') made.append(button('Suspend', step('suspend')));
  if (status === 'suspended') made.append(button('Resume', step('resume')));
  made.append(button('History', () => showHistory(id)));
  return made;
}

async function showHistory(id) {
  const { items } = await request('GET', `/admin/sessions/${id}/events`);
  history.replaceChildren(
    ...items.map(({ type, at, reason, actor, changes = [] }) => {
      const made = element('li', timeOf(at), ` ${type}`, reason === null ? '' : ` – ${reason}`);
      made.append(actor === null ? '' : ` – by ${actor}`);
      const fields = changes.map(({ field, from, to }) => element('li', `${field}: ${text(from)} → ${text(to)}`));
      if (fields.length > 0) made.append(element('ul', ...fields));
      return made;
    }),
  );
}

function text(value) {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

onSubmit(byId('search'), search);

onSubmit(byId('bulk'), async ({ reason, ...filter }) => {
  const job = { kind: 'revoke', filter, except: [me.sessionId], reason };
  const { matched: count } = await request('POST', '/admin/jobs', { ...job, dryRun: true });
  const start = button(`Revoke ${count}`, async () => {
    await request('POST', '/admin/jobs', job);
    matched.replaceChildren();
    await look();
  });
  matched.replaceChildren(`${count} sessions match, without this one. `, ...(count === 0 ? [] : [start]));
});

byId('bulk').addEventListener('input', () => matched.replaceChildren());

/** Shows the latest jobs, and goes on while one of them runs. */
async function look() {
  clearTimeout(looking);
  const asked = me;
  const { items } = await request('GET', '/admin/jobs?limit=5');
  if (asked !== me) return;
  for (const job of items.toReversed()) showJob(job);
  if (items.some(({ status }) => RUNS.includes(status))) {
    looking = setTimeout(() => look().catch((error) => tell(error.message)), LOOK_MS);
  }
}

/** In place, so that a button is there as long as it does something. */
function showJob(job) {
  if (!shown.has(job.id)) shown.set(job.id, jobParts(job));
  const { state, progress, cancel, approve } = shown.get(job.id);
  const done = job.changed + job.skipped;
  const beat = job.heartbeatAt === null ? [] : [', last sign of life ', timeOf(job.heartbeatAt)];
  state.replaceChildren(`${job.status}: ${done} of ${job.matched}, ${job.changed} revoked`, ...beat);
  progress.max = Math.max(job.matched, 1);
  progress.value = job.status === 'done' ? progress.max : done;
  cancel.hidden = !RUNS.includes(job.status);
  // Whoever has asked is refused; so they are not asked.
  approve.hidden = job.status !== 'awaiting_approval' || job.askedBy === me.userId;
}

function jobParts({ id, reason }) {
  const step = (action) => async () => showJob(await request('POST', `/admin/jobs/${id}/${action}`, {}));
  const state = element('p');
  const progress = element('progress');
  progress.setAttribute('aria-label', `Progress of ${reason}`);
  const [cancel, approve] = [button('Cancel', step('cancel')), button('Approve', step('approve'))];
  jobs.prepend(element('li', element('strong', reason), state, progress, cancel, approve));
  return { state, progress, cancel, approve };
}
