import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { anyText } from '../../../../test/support/any-text.js';
import { newSessionId, parseToken, SECRET_BYTES, TokenMint } from './token.js';
import {
  generations,
  issued,
  keyRings,
  parsed,
  passes,
  secretOf,
  sessionIds,
  tokenKeys,
} from './token.spec-support.js';

const salts = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('a minted token', () => {
  it('is read back as what it was made of, and passes', () => {
    fc.assert(
      fc.property(issued(), ({ id, generation, keys: ring, mint, token, digest }) => {
        expect(parsed(token)).toMatchObject({ id, generation, keyId: ring[0]?.id ?? null });
        expect(passes(token, mint, digest)).toBe(true);
      }),
    );
  });

  it('carries 256 bits from the source, and no two are the same [row 1]', () => {
    const asked: number[] = [];
    const mint = new TokenMint([], {
      bytes: (size) => {
        asked.push(size);
        return Buffer.alloc(size, asked.length);
      },
    });
    const id = newSessionId({ bytes: (size) => Buffer.alloc(size) }, 0);
    const secrets = [1, 2, 3].map((fill) => Buffer.alloc(SECRET_BYTES, fill).toString('base64url'));
    expect([1, 2, 3].map(() => mint.mint(id, 0).token)).toEqual(secrets.map((secret) => `ids_${id}.0.${secret}`));
    expect(asked).toEqual([32, 32, 32]);

    const real = new TokenMint();
    expect(new Set(Array.from({ length: 1_000 }, () => real.mint(id, 0).token)).size).toBe(1_000);
  });

  it('is stored as a SHA-256 that is no token itself [row 3]', () => {
    fc.assert(
      fc.property(issued(), ({ id, generation, token, digest }) => {
        const secret = token.split('.')[2]!;
        const expected = createHash('sha256').update(`${id}.${generation}.${secret}`).digest();
        expect(Buffer.from(digest).equals(expected)).toBe(true);
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          const text = Buffer.from(digest).toString(encoding);
          expect(parseToken(text)).toBeUndefined();
          expect(parsed(token).body).not.toContain(text);
        }
      }),
    );
  });

  it('does not pass with any single character changed, added or left out [row 5]', () => {
    const characters = fc.oneof(
      fc.constantFrom('a', 'A', 'f', 'g', '0', '1', '9', '-', '_', '.', ' ', '='),
      anyText({ minLength: 1, maxLength: 1 }),
    );
    const changes = fc.record({ at: fc.nat(), character: characters, how: fc.constantFrom('change', 'add', 'drop') });
    fc.assert(
      fc.property(issued(), changes, ({ mint, token, digest }, { at, character, how }) => {
        const position = at % token.length;
        const text =
          token.slice(0, position) +
          (how === 'drop' ? '' : character) +
          token.slice(position + (how === 'add' ? 0 : 1));
        fc.pre(text !== token);
        expect(passes(text, mint, digest)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is bound to its id and its generation: the secret of one is nothing in another', () => {
    fc.assert(
      fc.property(issued(), sessionIds, generations, ({ mint, token, digest, ...own }, id, generation) => {
        fc.pre(id !== own.id && generation !== own.generation);
        expect(passes(token.replace(own.id, id), mint, digest)).toBe(false);
        expect(passes(token.replace(`.${own.generation}.`, `.${generation}.`), mint, digest)).toBe(false);
      }),
    );
  });

  it('is never the public id [row 2]', () => {
    fc.assert(
      fc.property(sessionIds, (id) => {
        for (const text of [id, `ids_${id}`, `ids_${id}.0.`, `ids_${id}.0.${id}`]) {
          expect(parseToken(text)).toBeUndefined();
        }
      }),
    );
  });
});

describe('token keys', () => {
  it('refuse what any other ring has signed, and what nobody has [row 5]', () => {
    fc.assert(
      fc.property(issued(), keyRings(1), ({ keys: ring, token }, others) => {
        fc.pre(!ring.some(({ id }) => others.some((other) => other.id === id)));
        expect(new TokenMint(others).isGenuine(parsed(token))).toBe(false);
      }),
    );
  });

  it('rotate: a new signer is added, older tokens pass until their key is removed', () => {
    fc.assert(
      fc.property(issued(keyRings(1)), tokenKeys, ({ keys: ring, token, digest }, added) => {
        fc.pre(!ring.some(({ id }) => id === added.id));
        const after = new TokenMint([added, ...ring]);
        expect(passes(token, after, digest)).toBe(true);
        expect(parsed(after.mint(parsed(token).id, 1).token).keyId).toBe(added.id);
        expect(passes(token, new TokenMint([added, ...ring.slice(1)]), digest)).toBe(false);
      }),
    );
  });

  it('refuse a token whose key id is swapped for another known one', () => {
    const rings = fc.uniqueArray(tokenKeys, { minLength: 2, maxLength: 2, selector: ({ id }) => id });
    fc.assert(
      fc.property(issued(rings), ({ keys: [first, second], mint, token }) => {
        fc.pre(Buffer.compare(first!.secret, second!.secret) !== 0);
        const { body, mac } = parsed(token);
        const swapped = `ids_${body}.${second!.id}.${mac!}`;
        expect(mint.isGenuine(parsed(swapped))).toBe(false);
      }),
    );
  });

  it('are not needed: without any, a well-formed token may be genuine', () => {
    fc.assert(
      fc.property(issued(), ({ token }) => {
        expect(new TokenMint().isGenuine(parsed(token))).toBe(true);
      }),
    );
  });
});

describe('a derived successor', () => {
  it('is the same on every node, and passes under the digest that each of them stores [row 8]', () => {
    fc.assert(
      fc.property(issued(), salts, ({ keys: ring, token }, salt) => {
        const [one, two] = [new TokenMint(ring), new TokenMint(ring)].map((mint) => mint.derive(parsed(token), salt));
        expect(one).toEqual(two);
        expect(passes(one!.token, new TokenMint(ring), two!.digest)).toBe(true);
      }),
    );
  });

  it('belongs to the same session, one generation on, and is not its predecessor', () => {
    fc.assert(
      fc.property(issued(), salts, ({ id, generation, mint, token, digest }, salt) => {
        const next = mint.derive(parsed(token), salt);
        expect(parsed(next.token)).toMatchObject({ id, generation: generation + 1 });
        expect(passes(token, mint, next.digest) || passes(next.token, mint, digest)).toBe(false);
        expect(secretOf(next.token)).not.toBe(secretOf(token));
      }),
    );
  });

  it('differs by the secret, the salt and the generation', () => {
    fc.assert(
      fc.property(issued(), issued(), salts, salts, (own, other, salt, otherSalt) => {
        fc.pre(Buffer.compare(salt, otherSalt) !== 0 && own.generation !== other.generation);
        fc.pre(secretOf(own.token) !== secretOf(other.token));
        const token = parsed(own.token);
        const later = parsed(own.token.replace(`.${own.generation}.`, `.${other.generation}.`));
        const stranger = parsed(own.token.replace(secretOf(own.token), secretOf(other.token)));
        const successors = [
          own.mint.derive(token, salt),
          own.mint.derive(token, otherSalt),
          own.mint.derive(later, salt),
          own.mint.derive(stranger, salt),
        ];
        expect(new Set(successors.map((successor) => secretOf(successor.token))).size).toBe(4);
      }),
    );
  });

  it('never comes back to an earlier secret along a chain', () => {
    fc.assert(
      fc.property(issued(), fc.array(salts, { minLength: 2, maxLength: 20 }), ({ mint, token }, chain) => {
        const secrets = [secretOf(token)];
        chain.reduce((previous, salt) => {
          const next = mint.derive(parsed(previous), salt).token;
          secrets.push(secretOf(next));
          return next;
        }, token);
        expect(new Set(secrets).size).toBe(chain.length + 1);
      }),
    );
  });
});
