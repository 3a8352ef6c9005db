import { describe } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';
import { onPath } from '../../support/on-path.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Nothing but what the pages ask for goes over the network. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const program = process.env['CHROMIUM_PATH'] ?? NAMES.map(onPath).find((path) => path !== undefined);

/** A suite that needs a real browser. Without one it is skipped, and says so; with REQUIRE_BROWSER it fails instead. */
export function describeWithBrowser(name: string, suite: () => void): void {
  if (program !== undefined) {
    describe(name, suite);
    return;
  }
  const remedy = 'Browser suites need CHROMIUM_PATH or chromium: apt-get install chromium, or brew install chromium.';
  if ((process.env['REQUIRE_BROWSER'] ?? '') !== '') throw new Error(remedy);
  process.stderr.write(`\nSKIPPED: ${remedy}\n`);
  describe.skip(name, suite);
}

/** A browser with a new, empty profile. */
export function launchBrowser(): Promise<Browser> {
  if (program === undefined) throw new Error('There is no chromium.');
  return chromium.launch({ executablePath: program, args: ARGUMENTS, timeout: 60_000 });
}
