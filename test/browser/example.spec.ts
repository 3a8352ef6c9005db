import { expect, it } from '@jest/globals';
import { describeWithBrowser } from './support/browser.js';
import { examplePage } from './support/example-page.js';

describeWithBrowser('The example in a browser', () => {
  const { account, admin, device, keep, signedIn, signIn, url } = examplePage();

  it('shows the devices of a user, an administrator’s message, and in the window that is revoked why', async () => {
    const { userId, email } = await account();
    const laptop = await signedIn(email, 'Laptop');
    const phone = await signedIn(email, 'Phone');
    await device(laptop, 'Phone', 'connected').waitFor();
    await device(phone, 'Laptop', 'connected').waitFor();

    const text = 'Please call the service desk.';
    expect(await admin().post(`/admin/users/${userId}/messages`, { text })).toMatchObject({
      status: 200,
      body: { reached: 2, offline: false },
    });
    for (const { page } of [laptop, phone]) await page.getByRole('log').getByText(text).waitFor();
    await keep(laptop, 'example-devices');

    const revoked = await phone.page.locator('[data-session]', { hasText: 'Phone' }).getAttribute('data-session');
    expect(await admin().send('DELETE', `/admin/sessions/${revoked}?reason=lost%20phone`)).toMatchObject({
      status: 204,
    });
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
    await admin().send('DELETE', `/admin/sessions/${id}?reason=stolen`);
    await page.goto(`${url()}/example`);
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
