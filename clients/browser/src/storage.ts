// What the browser keeps: cookies that scripts can read, and a mark for other pages and tabs.

import type { Claims } from "./types.js";

/** `null`: no page has seen a login since the last logout. `undefined`: the browser keeps nothing. */
export type Mark = { id: string; until: number } | null | undefined;

/** Of two of one name, one may be planted by another host of the domain: neither counts. */
export function cookie(name: string): string {
  const found = document.cookie.split("; ").filter((item) => item.startsWith(`${name}=`));
  return found.length === 1 ? String(found[0]).slice(name.length + 1) : "";
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

/** Keep no secret: when which token expires, by the clock of this machine. */
export function writeMark(name: string, claims: Claims | null, born: number): void {
  try {
    // JSON has no Infinity.
    const until = born + Math.min(claims ? lifeOf(claims) : 0, 1e13);
    if (claims) localStorage.setItem(name, JSON.stringify({ id: idOf(claims), until }));
    else localStorage.removeItem(name);
  } catch {
    // Private windows may refuse. Each page then asks the server.
  }
}
