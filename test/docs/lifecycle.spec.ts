import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isLive, SESSION_STATUSES, type SessionStatus, TRANSITIONS } from 'nestjs-identity-session';

const text = readFileSync(new URL('../../docs/lifecycle.md', import.meta.url), 'utf8');
const real = SESSION_STATUSES.flatMap((from) => TRANSITIONS[from].map((to) => `${from} → ${to}`)).sort();

/** The steps that lines of a form tell of. */
function stepsIn(form: RegExp): string[] {
  return [...text.matchAll(form)].map(([, from, to]) => `${from ?? ''} → ${to ?? ''}`).sort();
}

describe('the document of the lifecycle', () => {
  it('has a row for each transition, and none for another', () => {
    expect(stepsIn(/^\| `(\w+)` +\| `(\w+)` +\|/gm)).toEqual(real);
  });

  it('has an arrow for each, and begins where sessions begin', () => {
    expect(stepsIn(/^ +(\w+) --> (\w+)/gm)).toEqual(real);
    const beginnings = [...text.matchAll(/^ +\[\*\] --> (\w+)/gm)].map(([, state]) => state as SessionStatus);
    expect(beginnings.every(isLive)).toBe(true);
    expect(beginnings.sort()).toEqual(['active', 'pending']);
  });
});
