// The application's own part: whatever it has to know its users by. Here two of them for show; yours are in a table,
// with hashed passwords.

export interface User {
  readonly id: string;
  readonly password: string;
  readonly isAdministrator: boolean;
}

const USERS: readonly User[] = [
  { id: 'ada', password: 'correct horse', isAdministrator: false },
  { id: 'root', password: 'battery staple', isAdministrator: true },
];

/** The user whom the body of a sign-in names, if the password is right. */
export function userWith(body: unknown): User | undefined {
  const { user, password } = (body ?? {}) as { user?: unknown; password?: unknown };
  return USERS.find((known) => known.id === user && known.password === password);
}

export function isAdministrator(id: string): boolean {
  return USERS.some((known) => known.id === id && known.isAdministrator);
}
