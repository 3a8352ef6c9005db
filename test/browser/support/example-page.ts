import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import type { RunningServer } from '../../../apps/server/src/start/start-server.js';
import { ADMIN, PASSWORD } from '../../server/support/account-server.js';
import { HttpClient } from '../../server/support/http-client.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { startInProcess } from '../../support/server.js';
import { launchBrowser } from './browser.js';

const IMAGES = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const KEEPS_SCREENSHOTS = (process.env['REFRESH_SCREENSHOTS'] ?? '') !== '';
/** What the browser itself reports of answers that are expected. */
const EXPECTED = /status of (?:401|423)/;

const STEP_MS = 40_000;

/** A browser window of its own, with its own cookies, and what it complained of. */
export interface Window {
  readonly page: Page;
  readonly complaints: string[];
}

/** The example page of a server, for the tests of a `describe` block, and people who look at it. */
export interface ExamplePage {
  readonly url: () => string;
  readonly databaseUrl: () => string;
  /** The administrator, without a browser. */
  readonly admin: () => HttpClient;
  /** A new account. */
  readonly account: () => Promise<{ userId: string; email: string }>;
  readonly openWindow: () => Promise<Window>;
  /** Fills in the form and sends it. */
  readonly signIn: (window: Window, email: string, deviceName: string, password?: string) => Promise<void>;
  /** A window in which somebody has signed in. */
  readonly signedIn: (email: string, deviceName: string, password?: string) => Promise<Window>;
  /** A device in the list, in a state. */
  readonly device: (window: Window, name: string, state: string) => Locator;
  /** A picture for the documents, with REFRESH_SCREENSHOTS. */
  readonly keep: (window: Window, name: string) => Promise<void>;
}

/** Starts the server on a database of its own, and a browser, before the tests of the block, and stops both behind them. */
export function examplePage(): ExamplePage {
  let database: TestDatabase;
  let server: RunningServer;
  let browser: Browser;
  let admin: HttpClient;
  let emails = 0;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startInProcess({
      DATABASE_URL: database.url,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    });
    browser = await launchBrowser();
    admin = new HttpClient(server.url);
    await admin.signIn(ADMIN.email, ADMIN.password);
  }, 90_000);

  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  afterAll(async () => {
    await browser.close();
    await server.stop();
    await database.drop();
  });

  async function openWindow(): Promise<Window> {
    const context = await browser.newContext({ viewport: { width: 480, height: 520 }, locale: 'en-GB' });
    contexts.push(context);
    // Sooner than the test's own, so that a failure says what was waited for.
    context.setDefaultTimeout(STEP_MS);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !EXPECTED.test(message.text())) complaints.push(message.text());
    });
    await page.goto(`${server.url}/example`);
    return { page, complaints };
  }

  async function signIn({ page }: Window, email: string, deviceName: string, password = PASSWORD): Promise<void> {
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByLabel('Name of this device').fill(deviceName);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  const device = ({ page }: Window, name: string, state: string): Locator =>
    page.getByRole('listitem').filter({ hasText: `${name} – ${state}` });

  return {
    url: () => server.url,
    databaseUrl: () => database.url,
    admin: () => admin,
    account: async () => {
      const email = `user-${(emails += 1)}@example.com`;
      const { body } = await new HttpClient(server.url).post('/auth/sign-up', { email, password: PASSWORD });
      return { userId: body.userId as string, email };
    },
    openWindow,
    signIn,
    signedIn: async (email, deviceName, password) => {
      const window = await openWindow();
      await signIn(window, email, deviceName, password);
      await device(window, deviceName, 'this device').waitFor();
      return window;
    },
    device,
    keep: async ({ page }, name) => {
      if (KEEPS_SCREENSHOTS) await page.screenshot({ path: `${IMAGES}${name}.png`, scale: 'css' });
    },
  };
}
