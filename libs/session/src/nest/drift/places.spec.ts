import { describe, expect, it } from '@jest/globals';
import { agentOf, networkOf } from './places.js';

describe('[row 57] what of an address counts', () => {
  it.each([
    ['192.0.2.1', '192.0.2.254', true],
    ['192.0.2.1', '192.0.3.1', false],
    ['2001:db8:1::1', '2001:db8:1:ffff::2', true],
    ['2001:db8:1::1', '2001:db8:2::1', false],
    ['2001::1', '2001:0:0:1::', true],
    ['::1', '::2', true],
    ['1::', '1:0:0:5::7', true],
    ['192.0.2.1', '2001:db8::1', false],
  ])('%s and %s: the same network is %s', (one, other, same) => {
    expect(networkOf(one) === networkOf(other)).toBe(same);
  });
});

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';

describe('[row 57] what of a user agent counts', () => {
  it.each([
    ['a new version', CHROME.replace('130.0.0.0', '131.0.6778.70'), true],
    ['a new version of the system', CHROME.replace('10.0', '11.0'), true],
    ['another system', CHROME.replace('Windows NT 10.0; Win64; x64', 'X11; Linux x86_64'), false],
    ['another browser', `${CHROME} Edg/130.0.0.0`, false],
    ['a tool', 'curl/8.5.0', false],
  ])('after %s', (_what, other, same) => {
    expect(agentOf(CHROME) === agentOf(other)).toBe(same);
  });
});
