/** Whether claims about races run as often as they can (`npm run test:races`) or as often as suffices (`npm test`). */
export const IN_FULL = process.env['TEST_IN_FULL'] === '1';
