// The application's own: whatever it has to know its users by. Yours are in a table, with hashed passwords.

export interface User {
  readonly id: string;
  readonly password: string;
}

const USERS: readonly User[] = [
  { id: 'ada', password: 'correct horse' },
  { id: 'root', password: 'battery staple' },
];

/** The user of that name, if the password is right. */
export function userWith(name: unknown, password: unknown): User | undefined {
  return USERS.find((user) => user.id === name && user.password === password);
}
