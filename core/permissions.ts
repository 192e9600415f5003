/** The three local roles, each of which includes the ones before it (DESIGN §6). */
export const permissions = ['view', 'operate', 'admin'] as const;
export type Permission = (typeof permissions)[number];

/** Whether who holds `held` may do what asks for `needed`. */
export function mayDo(held: Permission, needed: Permission): boolean {
  return permissions.indexOf(held) >= permissions.indexOf(needed);
}
