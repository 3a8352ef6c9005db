import { io } from '/example/socket.io.js';

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

const byId = (id) => document.getElementById(id);
const [notice, form, signedIn, connection, devices, messages] = [
  'notice',
  'sign-in',
  'signed-in',
  'connection',
  'devices',
  'messages',
].map(byId);

let socket;
/** Ids of the sessions that are connected. */
let connected = new Set();

function element(name, ...content) {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

function tell(...lines) {
  notice.replaceChildren(...lines.map((line) => element('p', line)));
}

async function request(method, path, body) {
  const sent = body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { method, ...sent });
  const answer = response.status === 204 ? undefined : await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), answer);
  return answer;
}

function showSignedOut({ code, reason } = {}) {
  socket?.disconnect();
  socket = undefined;
  signedIn.hidden = true;
  form.hidden = false;
  if (code !== undefined) {
    tell(
      ENDS[code] ?? 'You are signed out on this device.',
      ...(reason && code !== 'SESSION_SIGNED_OUT' ? [`Reason: ${reason}`] : []),
      'Sign in again to go on.',
    );
  }
  byId('email').focus();
}

function showSignedIn() {
  form.hidden = true;
  form.reset();
  tell();
  messages.replaceChildren();
  signedIn.hidden = false;
}

function connect() {
  showSignedIn();
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

function timeOf(at) {
  const made = element('time', new Date(at).toLocaleTimeString());
  made.dateTime = at;
  return made;
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
    if (isOver(error)) showSignedOut(error.code in ENDS ? error : {});
    else setTimeout(begin, RETRY_MS);
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { email, password, deviceName } = Object.fromEntries(new FormData(form));
  try {
    await request('POST', '/auth/sign-in', { email, password, ...(deviceName === '' ? {} : { deviceName }) });
    connect();
  } catch (error) {
    tell(error.message);
  }
});

byId('sign-out').addEventListener('click', async () => {
  try {
    await request('POST', '/auth/sign-out');
    showSignedOut({ code: 'SESSION_SIGNED_OUT' });
  } catch (error) {
    tell(error.message);
  }
});

// Of devices on a node that has died nobody tells.
setInterval(() => {
  if (socket?.connected) socket.emit('presence', null, showPresence);
}, ASK_MS);

void begin();
