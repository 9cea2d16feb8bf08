// Renewal where several tabs share one refresh cookie, and each of its tokens is used once.

import { claims, refreshAccess } from "./api.js";

const LOCK = "refresh-cookie";
const LOST = [0, 502, 503, 504]; // no reply, or one that does not say what the server has done

// Whatever sends or replaces the refresh cookie runs in here: one tab at a time, so that none sends
// a token that another is just replacing. Without Web Locks tabs go ahead all the same: what they
// do at the same instant, the server forgives.
export function alone(action) {
  return navigator.locks ? navigator.locks.request(LOCK, action) : action();
}

// Gives the server's reply, whose `ok` says that there is a new access token.
export function renew() {
  const before = claims()?.jti;
  return alone(async () => {
    const found = claims();
    // Another tab has renewed while this one waited.
    if (found && found.jti !== before) return { ok: true, status: 200, data: null };
    let reply = await refreshAccess();
    // Asked again at once, the server gives the very tokens whose reply was lost. Much later it
    // would have to take the old token for a stolen one.
    if (LOST.includes(reply.status)) reply = await refreshAccess();
    // Another tab has renewed, and has used what it got: the browser holds newer cookies.
    return reply.data?.code === "refresh_superseded" ? { ...reply, ok: true } : reply;
  });
}
