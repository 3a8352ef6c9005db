import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import type { RunningServer } from '../../apps/server/src/start/start-server.js';
import { ADMIN, PASSWORD } from '../server/support/account-server.js';
import { HttpClient } from '../server/support/http-client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess } from '../support/server.js';
import { describeWithBrowser, launchBrowser } from './support/browser.js';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const KEEPS_SCREENSHOTS = (process.env['REFRESH_SCREENSHOTS'] ?? '') !== '';

/** A browser window of its own, with its own cookies, and what it complained of. */
interface Window {
  readonly page: Page;
  readonly complaints: string[];
}

describeWithBrowser('The example in a browser', () => {
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

  async function account(): Promise<{ userId: string; email: string }> {
    const email = `user-${(emails += 1)}@example.com`;
    const { body } = await new HttpClient(server.url).post('/auth/sign-up', { email, password: PASSWORD });
    return { userId: body.userId as string, email };
  }

  async function openWindow(): Promise<Window> {
    const context = await browser.newContext({ viewport: { width: 480, height: 520 }, locale: 'en-GB' });
    contexts.push(context);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
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

  async function signedIn(email: string, deviceName: string): Promise<Window> {
    const window = await openWindow();
    await signIn(window, email, deviceName);
    await device(window, deviceName, 'this device').waitFor();
    return window;
  }

  const device = ({ page }: Window, name: string, state: string): Locator =>
    page.getByRole('listitem').filter({ hasText: `${name} – ${state}` });

  async function keep({ page }: Window, name: string): Promise<void> {
    if (KEEPS_SCREENSHOTS) await page.screenshot({ path: `${IMAGES}${name}.png`, scale: 'css' });
  }

  it('shows the devices of a user, an administrator’s message, and in the window that is revoked why', async () => {
    const { userId, email } = await account();
    const laptop = await signedIn(email, 'Laptop');
    const phone = await signedIn(email, 'Phone');
    await device(laptop, 'Phone', 'connected').waitFor();
    await device(phone, 'Laptop', 'connected').waitFor();

    const text = 'Please call the service desk.';
    expect(await admin.post(`/admin/users/${userId}/messages`, { text })).toMatchObject({
      status: 200,
      body: { reached: 2, offline: false },
    });
    for (const { page } of [laptop, phone]) await page.getByRole('log').getByText(text).waitFor();
    await keep(laptop, 'example-devices');

    const revoked = await phone.page.locator('[data-session]', { hasText: 'Phone' }).getAttribute('data-session');
    expect(await admin.send('DELETE', `/admin/sessions/${revoked}?reason=lost%20phone`)).toMatchObject({ status: 204 });
    const notice = phone.page.getByRole('alert');
    await notice.getByText('Reason: lost phone').waitFor();
    expect(await notice.innerText()).toMatch(
      /^You were signed out on this device\.\s+Reason: lost phone\s+Sign in again/,
    );
    expect(await phone.page.getByRole('button', { name: 'Sign in' }).isVisible()).toBe(true);
    await keep(phone, 'example-revoked');

    await laptop.page.locator('[data-session]').nth(1).waitFor({ state: 'detached' });
    await device(laptop, 'Laptop', 'this device').waitFor();

    await signIn(phone, email, 'Phone again');
    await device(phone, 'Phone again', 'this device').waitFor();
    await device(laptop, 'Phone again', 'connected').waitFor();
    expect([...laptop.complaints, ...phone.complaints]).toEqual([]);
  });

  it('says why also to a window that was closed meanwhile, and to one that signs out', async () => {
    const { email } = await account();
    const window = await signedIn(email, 'Laptop');
    const { page } = window;
    const id = await page.locator('[data-session]').getAttribute('data-session');
    await page.goto('about:blank');
    await admin.send('DELETE', `/admin/sessions/${id}?reason=stolen`);
    await page.goto(`${server.url}/example`);
    await page.getByRole('alert').getByText('You were signed out on this device.').waitFor();

    await signIn(window, email, 'Laptop', 'not the password');
    await page
      .getByRole('alert')
      .getByText(/password/i)
      .waitFor();
    await signIn(window, email, 'Laptop');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('alert').getByText('You have signed out.').waitFor();
    expect(window.complaints).toEqual([]);
  });
});
