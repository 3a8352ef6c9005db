import { expect, it } from '@jest/globals';
import { givenPasswordSchema, newPasswordSchema } from './password.js';

it.each(['12345678', 'with spaces in it', 'ü'.repeat(8), '\u{1F600}'.repeat(256), 'x'.repeat(256)])(
  'takes %j as a new password',
  (password) => {
    expect(newPasswordSchema.parse(password)).toBe(password);
  },
);

it.each([
  '',
  '1234567',
  '\u{1F600}'.repeat(7),
  'x'.repeat(257),
  'x'.repeat(90_000),
  'with\0nul-in-it',
  '\uD800lonesome',
])('refuses %j as a new password', (password) => {
  expect(newPasswordSchema.safeParse(password).success).toBe(false);
});

it('tries shorter ones at a sign-in, since the rule may have been another one once', () => {
  expect(givenPasswordSchema.safeParse('1234567').success).toBe(true);
  expect(givenPasswordSchema.safeParse('').success).toBe(false);
});
