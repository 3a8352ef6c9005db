/** What an account may do: its own affairs, those of its tenant, or everything. */
export const ACCOUNT_ROLES = ['user', 'tenant-admin', 'admin'] as const;

export type AccountRole = (typeof ACCOUNT_ROLES)[number];
