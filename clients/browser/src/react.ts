import { useSyncExternalStore } from "react";

import type { Claims, Client } from "./types.js";

const unknown = (): undefined => undefined;

/** The claims; `null` where no user is logged in, `undefined` while that is not known. */
export function useClaims<C extends Claims>(client: Client<C>): C | null | undefined {
  return useSyncExternalStore<C | null | undefined>(client.onChange, client.claims, unknown);
}

/**
 * Whether the claims hold a permission, `"app.codename"`; `undefined` where they hold none because
 * there were too many. The server decides all the same.
 */
export function usePermission<C extends Claims>(
  client: Client<C>, permission: string,
): boolean | undefined {
  const { perms, perms_omitted: isOmitted } = useClaims(client)?.user ?? {};
  if (isOmitted) return undefined;
  return Array.isArray(perms) && (perms.includes("*") || perms.includes(permission));
}
