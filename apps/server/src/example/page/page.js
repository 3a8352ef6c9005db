export const byId = (id) => document.getElementById(id);

export function element(name, ...content) {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

export function button(label, work) {
  const made = element('button', label);
  made.type = 'button';
  made.addEventListener('click', () => attempt(work));
  return made;
}

export function timeOf(at) {
  const made = element('time', new Date(at).toLocaleTimeString());
  made.dateTime = at;
  return made;
}

export function tell(...lines) {
  byId('notice').replaceChildren(...lines.map((line) => element('p', line)));
}

/** Does what somebody has asked for, and says what went wrong. */
export async function attempt(work) {
  try {
    await work();
  } catch (error) {
    tell(error.message);
  }
}

export function onSubmit(form, work) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    // What was left empty was not said.
    const given = [...new FormData(form)].filter(([, value]) => value !== '');
    void attempt(() => work(Object.fromEntries(given)));
  });
}

export async function request(method, path, body) {
  const sent = body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { method, ...sent });
  const answer = response.status === 204 ? undefined : await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), answer);
  return answer;
}
