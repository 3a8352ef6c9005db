import { expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { ADMIN } from '../server/support/account-server.js';
import { Authenticator } from '../server/support/authenticator.js';
import { describeWithBrowser } from './support/browser.js';
import { examplePage } from './support/example-page.js';

const MANY = 4_000;

/** Everything is seen through a browser, which waits its turn where much else is running. */
jest.setTimeout(120_000);

describeWithBrowser('The life of a session in a browser', () => {
  const { account, databaseUrl, device, keep, openWindow, signedIn, signIn } = examplePage();

  const alert = (page: Page, text: string | RegExp) => page.getByRole('alert').getByText(text).waitFor();
  const status = (page: Page, name: string) =>
    page.evaluate((path) => fetch(path).then((answer) => answer.status), name);

  it('asks for the second factor of who has enrolled one, and takes each code once', async () => {
    const { email } = await account();
    const laptop = await signedIn(email, 'Laptop');
    await laptop.page.getByRole('button', { name: 'Set up an authenticator' }).click();
    const secret = laptop.page.locator('#secret:not(:empty)');
    const authenticator = new Authenticator(await secret.innerText());
    expect(await laptop.page.getByRole('link', { name: 'Open in the authenticator' }).getAttribute('href')).toMatch(
      /^otpauth:\/\/totp\//,
    );
    await keep(laptop, 'example-second-factor');
    await laptop.page.getByLabel('Code that it shows').fill(await authenticator.next());
    await laptop.page.getByRole('button', { name: 'Confirm' }).click();
    await laptop.page.getByText('On: signing in needs a code').waitFor();
    expect(await laptop.page.locator('#secret').textContent()).toBe('');

    const phone = await openWindow();
    await signIn(phone, email, 'Phone');
    const code = phone.page.getByLabel('Code of your authenticator');
    const send = async (digits: string) => {
      await code.fill(digits);
      await phone.page.getByRole('button', { name: 'Go on' }).click();
    };
    await code.waitFor();
    expect(await status(phone.page, '/me')).toBe(401);
    await send(authenticator.wrong());
    await alert(phone.page, 'The code is not right');
    // Loading the page anew loses nothing.
    await phone.page.reload();
    const right = await authenticator.next();
    await send(right);
    await device(phone, 'Phone', 'this device').waitFor();
    await device(laptop, 'Phone', 'connected').waitFor();

    await phone.page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(phone, email, 'Phone');
    await send(right);
    await alert(phone.page, /was used already/);
    expect(await status(phone.page, '/me')).toBe(401);
    await send(await authenticator.next());
    await device(phone, 'Phone', 'this device').waitFor();

    await phone.page.getByRole('button', { name: 'Remove the authenticator' }).click();
    await phone.page.getByText('Off: the password alone').waitFor();
    await alert(laptop.page, 'You were signed out on this device.');
    expect([...laptop.complaints, ...phone.complaints]).toEqual([]);
  });

  it('suspends a session, whose window is told and goes on when it is resumed; its history tells both', async () => {
    const { userId, email } = await account();
    const phone = await signedIn(email, 'Phone');
    const admin = await signedIn(ADMIN.email, 'Desk', ADMIN.password);
    await admin.page.getByLabel('Session, user or address').fill(userId);
    await admin.page.getByRole('button', { name: 'Search' }).click();
    const row = admin.page.getByLabel('Sessions found').getByRole('listitem').filter({ hasText: 'Phone' });
    await row.getByRole('button', { name: 'Suspend' }).click();
    await row.getByText('suspended').waitFor();
    await alert(phone.page, 'Your session on this device is suspended.');
    expect(await status(phone.page, '/me')).toBe(423);

    await row.getByRole('button', { name: 'Resume' }).click();
    await row.getByText('active').waitFor();
    await device(phone, 'Phone', 'this device').waitFor();
    expect(await status(phone.page, '/me')).toBe(200);

    await row.getByRole('button', { name: 'History' }).click();
    const history = admin.page.getByLabel('History', { exact: true }).locator('> li');
    await history.filter({ hasText: 'activated' }).waitFor();
    const types = (await history.allInnerTexts()).join('\n');
    expect(types).toMatch(
      /created[^]*suspended – asked for on the example page – by [^]*activated – asked for on the example page/,
    );
    await history.getByText('status: suspended → active').waitFor();
    expect([...phone.complaints, ...admin.complaints]).toEqual([]);
  });

  it('revokes many, counted before and watched to the end; another is cancelled on its way', async () => {
    const sql = new pg.Client(databaseUrl());
    await sql.connect();
    try {
      const admin = await signedIn(ADMIN.email, 'Desk', ADMIN.password);
      const { page } = admin;
      // A job waits until it was seen on its way, each page for a second and a half at most.
      await sql.query('CREATE TABLE unseen (reason text)');
      await sql.query(`CREATE FUNCTION wait_to_be_seen() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
          FOR turn IN 1..30 LOOP
            EXIT WHEN NEW.changed < 1500 OR NOT EXISTS (SELECT FROM unseen WHERE reason = NEW.reason);
            PERFORM pg_sleep(0.05);
          END LOOP;
          RETURN NEW;
        END $$`);
      await sql.query(`CREATE TRIGGER wait_to_be_seen BEFORE UPDATE OF changed ON identity_session_job
        FOR EACH ROW EXECUTE FUNCTION wait_to_be_seen()`);
      const revoke = async (userId: string, reason: string) => {
        await seed(sql, userId);
        await sql.query('INSERT INTO unseen VALUES ($1)', [reason]);
        await page.getByLabel('User (id)').fill(userId);
        await page.getByLabel('Kind of device').selectOption('mobile');
        await page.getByLabel('Reason').fill(reason);
        await page.getByRole('button', { name: 'Count' }).click();
        await page.getByText(`${MANY} sessions match`).waitFor();
        expect(await live(sql, userId)).toBe(MANY);
        await page.getByRole('button', { name: `Revoke ${MANY}` }).click();
        return page.getByLabel('Jobs').locator('> li').filter({ hasText: reason });
      };

      const job = await revoke('lost-fleet', 'stolen van');
      await job.getByText(/running: [1-3][05]00 of 4000, .*last sign of life/).waitFor();
      const progress = job.getByRole('progressbar', { name: 'Progress of stolen van' });
      expect(await progress.getAttribute('max')).toBe(String(MANY));
      await job.scrollIntoViewIfNeeded();
      await keep(admin, 'example-revoke-many');
      await sql.query('TRUNCATE unseen');
      await job.getByText(`done: ${MANY} of ${MANY}`).waitFor();
      expect(await live(sql, 'lost-fleet')).toBe(0);
      expect(await job.getByRole('button').count()).toBe(0);

      const other = await revoke('found-fleet', 'by mistake');
      await other.getByText(/running: [1-3][05]00/).waitFor();
      await other.getByRole('button', { name: 'Cancel' }).click();
      await other.getByText(/cancelled: [1-3][05]00 of 4000/).waitFor();
      expect(await live(sql, 'found-fleet')).toBeGreaterThan(0);
      // Whoever revokes is spared.
      await device(admin, 'Desk', 'this device').waitFor();
      expect(admin.complaints).toEqual([]);
    } finally {
      await sql.end();
    }
  });
});

async function seed(sql: pg.Client, userId: string): Promise<void> {
  await sql.query(
    `INSERT INTO identity_session (id, user_id, device_type, status, scope_keys, token_digest, rotation_salt,
       assurance, remember_me, created_at, authenticated_at, last_accessed_at, idle_timeout_ms, expires_at, due_at)
     SELECT gen_random_uuid(), $1, 'mobile', 'active', '{}', '\\x00', '\\x00', 'aal1', false, at, at, at,
       86400000, at + interval '30 days', at + interval '1 day'
     FROM generate_series(1, $2::int),
       (SELECT date_trunc('milliseconds', clock_timestamp()) AS at) moment`,
    [userId, MANY],
  );
}

async function live(sql: pg.Client, userId: string): Promise<number> {
  const { rows } = await sql.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM identity_session WHERE user_id = $1 AND ended_at IS NULL`,
    [userId],
  );
  return rows[0]?.n ?? -1;
}
