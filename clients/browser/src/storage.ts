// What the browser keeps: cookies that scripts can read, and a mark for other pages and tabs.

import type { Claims } from "./types.js";

/** `null`: no page has seen a login, or the page has cleared its storage. `undefined`: the browser
 * keeps nothing. An empty `id`: there was a logout. */
export type Mark = { id: string; until: number } | null | undefined;

/** The value, or nothing: of two with one name, another host of the domain may have planted one. */
export function cookie(name: string): string {
  try {
    const found = document.cookie.split("; ").filter((item) => item.startsWith(`${name}=`));
    return found.length === 1 ? found.join().slice(name.length + 1) : "";
  } catch {
    return ""; // a sandboxed frame has none
  }
}

/** The object in a JSON text; an empty one for any other text. */
export function parse(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

/** The claims in the payload cookie: base64 of ASCII JSON. */
export function payload(name: string): unknown {
  try {
    return parse(atob(cookie(name)));
  } catch {
    return null;
  }
}

/** What tells one access token from another. Each of these claims may be absent. */
export function idOf(claims: Claims | null | undefined): string {
  return claims ? [claims.sid, claims.jti, claims.iat, claims.exp].join() : "";
}

/** Milliseconds from issue to expiry, both by the server's clock: that of this machine may be wrong. */
export function lifeOf(claims: Claims): number {
  const life = (Number(claims.exp) - Number(claims.iat)) * 1000;
  return life > 0 ? life : Infinity;
}

/** When this machine got the token, by its own clock; now, if the mark is another token's. */
export function bornOf(claims: Claims, mark: Mark): number {
  const born = mark?.id === idOf(claims) ? mark.until - lifeOf(claims) : NaN;
  return Number.isFinite(born) ? born : Date.now();
}

export function readMark(name: string): Mark {
  try {
    const text = localStorage.getItem(name);
    if (text === null) return null;
    const { id, until } = parse(text) as { id?: string; until?: number };
    return { id: id ?? "", until: Number(until) };
  } catch {
    return undefined;
  }
}

/** Whether a login would be remembered, where there is no mark. */
export function canKeep(name: string): boolean {
  try {
    localStorage.setItem(name, "");
    localStorage.removeItem(name);
    return true;
  } catch {
    return false;
  }
}

/** Keep no secret: when which token expires, by the clock of this machine. */
export function writeMark(name: string, claims: Claims | null, born: number): void {
  try {
    // JSON has no Infinity.
    const until = born + Math.min(claims ? lifeOf(claims) : 0, 1e13);
    localStorage.setItem(name, claims ? JSON.stringify({ id: idOf(claims), until }) : "{}");
  } catch {
    // Private windows may refuse. Each page then asks the server.
  }
}
