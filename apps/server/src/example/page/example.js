import { io } from '/example/socket.io.js';
import { showAdministration } from './administration.js';
import { attempt, byId, element, onSubmit, request, tell, timeOf } from './page.js';
import { showSecondFactor } from './second-factor.js';

/** What a client may be told by `session:revoked`, or by the refusal of a request or a connection. */
const ENDS = {
  SESSION_REVOKED: 'You were signed out on this device.',
  SESSION_EVICTED: 'You were signed out on this device, because you signed in on another one.',
  SESSION_EXPIRED: 'Your session on this device has run out.',
  SESSION_SIGNED_OUT: 'You have signed out.',
  SESSION_SUSPENDED: 'Your session on this device is suspended.',
};
const RETRY_MS = 3_000;
const ASK_MS = 30_000;

const [form, codeForm, signedIn, connection, devices, messages] = [
  'sign-in',
  'complete',
  'signed-in',
  'connection',
  'devices',
  'messages',
].map(byId);

let socket;
/** For a server that did not answer, or a session that is suspended. */
let waiting;
/** Ids of the sessions that are connected. */
let connected = new Set();

/** One of the parts of the page; none while it is not known which. */
function show(part) {
  for (const one of [form, codeForm, signedIn]) one.hidden = one !== part;
  clearTimeout(waiting);
}

function showSignedOut({ code, reason } = {}) {
  socket?.disconnect();
  socket = undefined;
  show(form);
  showAdministration(undefined);
  showSecondFactor('off');
  if (code !== undefined) {
    tell(
      ENDS[code] ?? 'You are signed out on this device.',
      ...(reason && code !== 'SESSION_SIGNED_OUT' ? [`Reason: ${reason}`] : []),
      code === 'SESSION_SUSPENDED' ? 'It goes on here when it is resumed.' : 'Sign in again to go on.',
    );
  }
  if (code === 'SESSION_SUSPENDED') waiting = setTimeout(begin, RETRY_MS);
  else byId('email').focus();
}

function showCode() {
  form.reset();
  tell();
  show(codeForm);
  byId('code').focus();
}

async function showSignedIn() {
  for (const one of [form, codeForm]) one.reset();
  tell();
  messages.replaceChildren();
  show(signedIn);
  const [account, { sessionId }] = await Promise.all([request('GET', '/me/account'), request('GET', '/me')]);
  showSecondFactor(account.factors.length > 0 ? 'on' : 'off');
  showAdministration(account.role === 'user' ? undefined : { ...account, sessionId });
}

function connect() {
  void attempt(showSignedIn);
  connection.textContent = 'Connecting …';
  const own = io({ forceNew: true });
  socket = own;
  let isTold = false;
  own.on('connect', () => {
    connection.textContent = 'Connected. This list changes by itself.';
  });
  own.on('presence', showPresence);
  own.on('message', ({ text, at }) => {
    messages.append(element('li', text, ' ', timeOf(at)));
  });
  own.on('session:revoked', (told) => {
    isTold = true;
    showSignedOut(told);
  });
  own.on('disconnect', () => {
    if (isTold || socket !== own) return;
    connection.textContent = 'Not connected. Trying again …';
    // Closed by the server without a word: whether that was the end of the session a request tells.
    if (!own.active) void begin();
  });
  own.on('connect_error', ({ data }) => {
    if (socket !== own) return;
    if (data !== undefined && isOver(data)) {
      showSignedOut(data);
      return;
    }
    connection.textContent = data?.detail ?? 'Not connected. Trying again …';
    // What a server has refused is not tried again by itself.
    if (!own.active) setTimeout(() => own.connect(), 1_000 * (data?.retryAfterSeconds ?? 0) || RETRY_MS);
  });
}

/** Whether a refusal says that there is no session, rather than that it cannot be told. */
function isOver({ status, code }) {
  return status === 401 || code in ENDS;
}

function showPresence(presence) {
  connected = new Set(presence.devices.map(({ sessionId }) => sessionId));
  void showDevices();
}

async function showDevices() {
  const shown = connected;
  const { items } = await request('GET', '/sessions').catch(() => ({ items: undefined }));
  // Later news is on its way.
  if (items === undefined || shown !== connected) return;
  devices.replaceChildren(
    ...items.map(({ id, deviceName, deviceType, current }) => {
      const state = current ? 'this device' : shown.has(id) ? 'connected' : 'not connected';
      const made = element('li', element('strong', deviceName ?? deviceType), ` – ${state}`);
      made.dataset.session = id;
      made.dataset.connected = String(shown.has(id));
      return made;
    }),
  );
}

async function begin() {
  try {
    await request('GET', '/sessions/current');
    connect();
  } catch (error) {
    if (error.code === 'SESSION_PENDING') showCode();
    else if (isOver(error)) showSignedOut(error.code in ENDS ? error : {});
    else waiting = setTimeout(begin, RETRY_MS);
  }
}

onSubmit(form, async (given) => {
  const { missing = [] } = await request('POST', '/auth/sign-in', given);
  if (missing.length > 0) showCode();
  else connect();
});

onSubmit(codeForm, async (given) => {
  byId('code').select();
  try {
    await request('POST', '/auth/complete', given);
  } catch (error) {
    if (!(error.code in ENDS)) throw error;
    showSignedOut(error);
    return;
  }
  connect();
});

for (const id of ['sign-out', 'give-up']) {
  byId(id).addEventListener('click', () =>
    attempt(async () => {
      await request('POST', '/auth/sign-out');
      showSignedOut({ code: 'SESSION_SIGNED_OUT' });
    }),
  );
}

// Of devices on a node that has died nobody tells.
setInterval(() => {
  if (socket?.connected) socket.emit('presence', null, showPresence);
}, ASK_MS);

void begin();
