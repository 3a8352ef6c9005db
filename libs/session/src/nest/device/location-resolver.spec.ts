import { expect, it } from '@jest/globals';

import { NoLocationResolver, type LocationResolver } from './location-resolver.js';

it('NoLocationResolver knows no place', async () => {
  const resolver: LocationResolver = new NoLocationResolver();
  expect(await resolver.resolve('192.0.2.1')).toBeNull();
});
