import { describe, expect, it } from '@jest/globals';
import { emailKeyOf, emailSchema } from './email.js';

describe('an email address', () => {
  it.each([
    'a@example.com',
    'A.b+c@Sub.Example.com',
    ' padded@example.com ',
    'ops@localhost',
    `${'x'.repeat(242)}@example.com`,
  ])('may be %j', (email) => {
    expect(emailSchema.parse(email)).toBe(email.trim());
  });

  it.each([
    '',
    'nobody',
    '@example.com',
    'a@',
    'a b@example.com',
    'a@example..com',
    'a@-x.com',
    'a\0@example.com',
    'a@b@c',
  ])('cannot be %j', (email) => {
    expect(emailSchema.safeParse(email).success).toBe(false);
  });

  it('has at most 254 characters, and more are refused without being looked at', () => {
    expect(emailSchema.safeParse(`${'x'.repeat(243)}@example.com`).success).toBe(false);
    expect(emailSchema.safeParse(`${'x'.repeat(90_000)}@example.com`).error?.issues).toHaveLength(1);
  });

  it.each(['USER@Example.com', ' user@example.com\t', '\uFF55ser@example.com', 'user@example\uFF0Ecom'])(
    'is the same as user@example.com in the spelling %j',
    (email) => {
      expect(emailKeyOf(emailSchema.parse(email))).toBe('user@example.com');
    },
  );
});
