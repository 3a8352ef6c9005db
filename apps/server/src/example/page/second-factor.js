import { attempt, byId, onSubmit, request, tell } from './page.js';

const FACTOR = '/me/factors/totp';
const STATES = {
  off: 'Off: the password alone signs you in.',
  begun: 'Add this to your authenticator, then confirm with the code that it shows.',
  on: 'On: signing in needs a code of your authenticator.',
};

/** Shows one of the states, and what can be done in it. */
export function showSecondFactor(state) {
  byId('factor-state').textContent = STATES[state];
  byId('enrol').hidden = state !== 'off';
  byId('confirm').hidden = state !== 'begun';
  byId('remove').hidden = state !== 'on';
  if (state === 'begun') return;
  byId('confirm').reset();
  byId('secret').textContent = '';
  byId('uri').removeAttribute('href');
}

byId('enrol').addEventListener('click', () =>
  attempt(async () => {
    const { secret, uri } = await request('POST', FACTOR);
    byId('secret').textContent = secret;
    byId('uri').href = uri;
    showSecondFactor('begun');
    byId('first-code').focus();
  }),
);

onSubmit(byId('confirm'), async (given) => {
  await request('POST', `${FACTOR}/confirm`, given);
  showSecondFactor('on');
  tell('Your second factor is on. Your other devices were signed out.');
});

byId('remove').addEventListener('click', () =>
  attempt(async () => {
    await request('DELETE', FACTOR);
    showSecondFactor('off');
    tell('Your second factor is off. Your other devices were signed out.');
  }),
);
